import type { Comparison } from "./comparison.ts";
import { formatInterval, formatP, formatPercent, formatRatio } from "./format.ts";
import { metrics } from "./metrics.ts";
import { fewestPairs } from "./statistics.ts";

type Decision = Pick<Comparison["primary"], "metric" | "verdict" | "alpha" | "effect" | "p" | "detectable"> & {
  readonly labels: readonly [string, string];
  readonly evidence: Comparison["evidence"];
  readonly referenced: boolean;
};

/** The verdict as a sentence for people. */
export function sentenceOf(decision: Decision): string {
  const against = decision.referenced ? ", set against their reference runs" : "";
  const weaker = decision.evidence === "separate" ? ` (weaker evidence: measured in separate sessions${against})` : "";
  return `${statement(decision)}${weaker}`;
}

function statement({ metric, verdict, alpha, effect, p, detectable, labels }: Decision): string {
  const { ratio, interval, pairs } = effect;
  if (verdict === "too-few" || ratio === null || interval === null || p === null || detectable === null)
    return `too few to decide: ${pairs} ${pairs === 1 ? "pair" : "pairs"} of blocks, and ${fewestPairs(alpha)} are the fewest that can; raise the experiment's blocks`;
  if (verdict === "within-noise")
    return `within noise: ratio ${formatRatio(ratio)} ${formatInterval(interval, formatRatio)}, ${formatP(p)}; a difference above ${formatPercent(detectable)} % would have been seen`;
  const { label, larger, smaller, unit } = metrics[metric];
  const how = ratio > 1 ? larger : smaller;
  const ends = interval.map((end) => Math.abs(end - 1)).sort((one, other) => one - other);
  const size = `${formatPercent(Math.abs(ratio - 1))} % ${formatInterval([ends[0] ?? 0, ends[1] ?? 0], formatPercent)}`;
  const subject = unit !== "tokens/s" ? `${labels[1]}'s ${label}` : labels[1];
  return `${subject} is ${how} by ${size}, ${formatP(p)}: beyond noise`;
}
