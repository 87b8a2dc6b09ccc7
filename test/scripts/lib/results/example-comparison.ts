import type { ExecutionContext } from "ava";
import { compareRuns } from "../../../../scripts/lib/results/compare-runs.ts";
import type { Comparison, Decision, PairComparison } from "../../../../scripts/lib/results/comparison.ts";
import { openOperands } from "../../../../scripts/lib/results/operands.ts";
import { emptyResults, sealSynthetic, syntheticPlan, syntheticVariant } from "./synthetic-run.ts";

/** A baseline and two variants, one slower and one alike, decided on a rate and a time. */
export async function exampleComparison(t: ExecutionContext): Promise<Comparison> {
  const layout = await emptyResults(t);
  const variants = {
    base: syntheticVariant,
    slow: { ...syntheticVariant, threads: 4 },
    such: { ...syntheticVariant, threads: 2 },
  };
  const plan = syntheticPlan({ variants, blocks: 10, primary: ["decode-rate", "end-to-end"] });
  await sealSynthetic(layout, "sweep", plan, { rate: (variant) => (variant === "slow" ? 45 : 50) });
  const options = { allow: [], margin: 0.05, paper: true };
  return compareRuns(await openOperands(layout, ["sweep"]), options).comparison;
}

/** With a change of each pair. */
export function changed(comparison: Comparison, change: (pair: PairComparison) => Partial<PairComparison>): Comparison {
  return { ...comparison, pairs: comparison.pairs.map((pair) => ({ ...pair, ...change(pair) })) };
}

/** With a change of each decision. */
export function redecided(comparison: Comparison, change: Partial<Decision>): Comparison {
  return changed(comparison, ({ decisions }) => ({ decisions: decisions.map((one) => ({ ...one, ...change })) }));
}
