import { referenceName } from "../../../workloads/benchmark/order.ts";
import { canonicalJson, type Plan } from "../../../workloads/benchmark/plan.ts";
import { logRatio } from "./effect.ts";
import { judgedRuns } from "./judged-runs.ts";
import type { RunDigest } from "./run-digest.ts";
import type { SealedRun } from "./sealed-run.ts";

/**
 * How the sessions of a block differ by themselves: the logarithm of B's figure of the reference run over A's. Null where one of them
 * has none.
 */
export type Drift = (figure: FigureOf, block: number) => number | null;

/** A run's figure; null where it has none. */
export type FigureOf = (run: RunDigest) => number | null;

/** The drift between two runs that have the same reference run; undefined where they have not. */
export function driftBetween(a: SealedRun, b: SealedRun): Drift | undefined {
  const [one, other] = [referenceOf(a.manifest.plan), referenceOf(b.manifest.plan)];
  if (one === undefined || one !== other) return undefined;
  const [ofA, ofB] = [referenceRuns(a), referenceRuns(b)];
  return (figure, block) => {
    const [runA, runB] = [ofA.get(block), ofB.get(block)];
    return runA === undefined || runB === undefined ? null : logRatio(figure(runA), figure(runB));
  };
}

/** All that decides what a plan's reference run measures, as text; the node's and the model's names measure nothing. */
function referenceOf({ reference, models, prompts }: Plan): string | undefined {
  if (reference === null) return undefined;
  const { model, threads, context, modules } = reference.variant;
  const { scenario } = reference;
  return canonicalJson({
    ...{ threads, context, modules, scenario, digest: models[model]?.digest ?? null },
    prompts: prompts[scenario.prompts ?? ""] ?? null,
  });
}

/** By block, those that may be believed. */
function referenceRuns(run: SealedRun): ReadonlyMap<number, RunDigest> {
  return new Map(
    judgedRuns(run).flatMap(({ block, run: one, findings }) =>
      one.variant === referenceName && findings.length === 0 ? [[block, one]] : [],
    ),
  );
}
