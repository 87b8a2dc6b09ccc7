import type { Decision, PairComparison } from "./comparison.ts";
import { formatInterval, formatP, formatPercent, formatRatio } from "./format.ts";
import { metrics } from "./metrics.ts";

type Verdict = Omit<Decision, "sentence"> &
  Pick<PairComparison, "evidence" | "referenced"> & {
    /** Of the side that is set against the baseline. */
    readonly label: string;
    readonly margin: number;
  };

/** The verdict as a sentence for people. */
export function sentenceOf(verdict: Verdict): string {
  const against = verdict.referenced ? ", set against their reference runs" : "";
  const weaker = verdict.evidence === "separate" ? ` (weaker evidence: measured in separate sessions${against})` : "";
  return `${statement(verdict)}${weaker}`;
}

function statement({ metric, verdict, effect, adjusted, detectable, fewest, beyondNoise, label, margin }: Verdict) {
  const { ratio, interval, pairs } = effect;
  const { label: name, unit } = metrics[metric];
  const subject = unit === "tokens/s" ? label : `${label}'s ${name}`;
  if (verdict === "too-few" || ratio === null || interval === null || adjusted === null || detectable === null)
    return `${subject}: too few to decide: ${pairs} ${pairs === 1 ? "pair" : "pairs"} of blocks, and ${fewest} are the fewest that can; raise the experiment's blocks`;
  const found = `the smallest difference that it could have found is ${formatPercent(detectable)} %`;
  const size = `${describeChange(metric, ratio, interval)}, ${formatP(adjusted)}`;
  if (verdict === "equivalent") {
    const noise = beyondNoise ? "beyond noise, but inside the margin" : "and inside the margin";
    return `${subject} is equivalent within ${formatPercent(margin)} %: ${size}, ${noise}; ${found}`;
  }
  if (verdict === "difference") return `${subject} is ${size}: beyond noise; ${found}`;
  return `${subject} is within noise: ratio ${formatRatio(ratio)} ${formatInterval(interval, formatRatio)}, ${formatP(adjusted)}; ${found}`;
}

/** "slower by 28 % [25, 31]"; ends on the other side of none are negative */
function describeChange(metric: Decision["metric"], ratio: number, interval: readonly [number, number]): string {
  const { larger, smaller } = metrics[metric];
  const sign = ratio < 1 ? -1 : 1;
  const ends = interval.map((end) => sign * (end - 1)).sort((one, other) => one - other);
  const range = formatInterval([ends[0] ?? 0, ends[1] ?? 0], signedPercent);
  return `${sign < 0 ? smaller : larger} by ${formatPercent(Math.abs(ratio - 1))} % ${range}`;
}

function signedPercent(fraction: number): string {
  return fraction < 0 ? `-${formatPercent(-fraction)}` : formatPercent(fraction);
}
