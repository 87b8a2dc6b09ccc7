import { linearRegression, mean } from "simple-statistics";
import { rounded } from "./paired.ts";

/** What a line through points says of growth. */
export interface Growth {
  /** Of y for each more of x. */
  readonly slope: number;
  /** 95 % interval of the slope; null below four points. */
  readonly interval: readonly [number, number] | null;
  /** The line at x = 1. */
  readonly first: number;
  /** Whether the interval leaves 0 out: only then does anything grow, as far as can be seen here. */
  readonly resolved: boolean;
}

// Two-sided 95 % quantiles of Student's t by degrees of freedom (any table); beyond, the normal distribution's.
const studentT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145];

/** Least squares; the interval assumes independent errors of one size. */
export function growthOf(points: readonly (readonly [number, number])[]): Growth {
  const { m, b } = linearRegression(points.map(([x, y]) => [x, y]));
  const freedom = points.length - 2;
  const first = rounded(m + b);
  if (freedom < 2) return { slope: rounded(m), interval: null, first, resolved: false };
  const centre = mean(points.map(([x]) => x));
  const spread = points.reduce((sum, [x]) => sum + (x - centre) ** 2, 0);
  const residual = points.reduce((sum, [x, y]) => sum + (y - m * x - b) ** 2, 0);
  const reach = (studentT[freedom - 1] ?? 1.96) * Math.sqrt(residual / freedom / spread);
  return {
    slope: rounded(m),
    interval: [rounded(m - reach), rounded(m + reach)],
    first,
    resolved: m - reach > 0 || m + reach < 0,
  };
}
