import { settingsOf } from "../../../workloads/benchmark/order.ts";
import type { Scenario, Variant } from "../../../workloads/benchmark/plan.ts";
import { catalogue } from "../../../workloads/ollama/catalogue.ts";
import { predictDecode, raspberryPi5, type Prediction } from "../../../workloads/ollama/predict.ts";
import { nodeFactsSchema } from "./experiment-outputs.ts";
import { loadDuring, type NodeLoad } from "./node-load.ts";
import type { RunDigest } from "./run-digest.ts";
import { findingsOf, lockedDigest, type RunFinding } from "./run-findings.ts";
import type { SealedRun } from "./sealed-run.ts";

/** A run with its settings, how its node fared, and what speaks against it. */
export interface JudgedRun {
  readonly block: number;
  readonly run: RunDigest;
  readonly variant: Variant;
  readonly scenario: Scenario;
  /** Null where nobody sampled the node. */
  readonly load: NodeLoad | null;
  /** Of the decode rate; null on other boards than a Pi 5, and for models that the catalogue has not. */
  readonly prediction: Prediction | null;
  /** Empty for a run that may be believed. */
  readonly findings: readonly RunFinding[];
}

/** Every run that ended, each judged by itself. */
export function judgedRuns({
  manifest,
  blocks,
  samples,
}: Pick<SealedRun, "manifest" | "blocks" | "samples">): JudgedRun[] {
  const { plan, nodes, modelBytes } = manifest;
  return [...blocks].flatMap(([block, { runs }]) =>
    runs.map((run) => {
      const { variant, scenario } = settingsOf(plan, run);
      const board = nodeFactsSchema.parse(nodes[variant.node] ?? {}).model;
      const entry = catalogue[plan.models[variant.model]?.reference ?? ""];
      const weights = modelBytes[variant.model] ?? null;
      const prediction =
        board?.startsWith("Raspberry Pi 5") === true
          ? predictDecode(
              {
                entry,
                weights: weights ?? entry?.bytes ?? null,
                context: variant.context,
                kvCache: plan.server.kvCache,
              },
              raspberryPi5,
            )
          : null;
      const sampled = samples.get(variant.node);
      const load = sampled === undefined ? null : loadDuring(sampled, { from: run.from, to: run.to });
      const findings = findingsOf(run, {
        locked: lockedDigest(plan, variant),
        // A tag can hold another quantisation than the catalogue thinks: only what was weighed can convict.
        ceiling: weights === null ? null : (prediction?.ceiling ?? null),
        load,
      });
      return { block, run, variant, scenario, load, prediction, findings };
    }),
  );
}
