import type { Effect } from "./comparison.ts";
import { hodgesLehmann, signFlipTest } from "./statistics.ts";

/** Level of all decisions of a comparison together; every interval covers with 1 - alpha, for itself. */
export const alpha = 0.05;

/** The logarithm makes "twice" and "half" equally far from "the same"; null where one of the two has no figure. */
export function logRatio(a: number | null | undefined, b: number | null | undefined): number | null {
  return typeof a === "number" && typeof b === "number" && a > 0 && b > 0 ? Math.log(b / a) : null;
}

/** What pairs' log ratios come to: the Hodges-Lehmann estimate, and the interval that inverts the sign-flip test. */
export function effectOf(logRatios: readonly number[]): Effect {
  const pairs = logRatios.length;
  if (pairs === 0) return { pairs, ratio: null, interval: null };
  const { interval } = signFlipTest(logRatios, alpha);
  const ratio = Math.exp(hodgesLehmann(logRatios));
  return { pairs, ratio, interval: interval === null ? null : [Math.exp(interval[0]), Math.exp(interval[1])] };
}
