import type { Plan } from "../../../workloads/benchmark/plan.ts";
import type { NodeLoad } from "./node-load.ts";
import type { RunDigest } from "./run-digest.ts";

/** Why a run must not be believed. */
export interface RunFinding {
  readonly code: "too-fast" | "throttled" | "clock" | "digest" | "no-count";
  /** With its numbers, for people. */
  readonly text: string;
}

/** Milliseconds, and share of a run's length, by which two clocks may differ: time servers slew a clock by at most 0.05 %. */
const slack = { fixed: 50, share: 1e-3 };

/**
 * What speaks against a run: a rate that the memory can't deliver, a board that slowed itself down, a clock that was set, another
 * model, prompts whose tokens Ollama did not count.
 * @param given.ceiling tokens per second that the node's memory bandwidth allows at most; null where it is not known
 */
export function findingsOf(
  run: RunDigest,
  given: { readonly locked: string | null; readonly ceiling: number | null; readonly load: NodeLoad | null },
): RunFinding[] {
  const { start, end, uncounted } = run;
  const findings: RunFinding[] = [];
  const rate = run.figures["decode-rate"];
  if (given.ceiling !== null && rate !== null && rate > given.ceiling)
    findings.push({
      code: "too-fast",
      text: `${rate.toFixed(1)} tokens/s are more than the ${given.ceiling.toFixed(1)} that the memory can deliver`,
    });
  const throttled = given.load?.throttled ?? 0;
  if (throttled !== 0) findings.push({ code: "throttled", text: `throttled: 0x${throttled.toString(16)}` });
  const [wall, monotonic] = [end.at - start.at, end.monotonic - start.monotonic];
  if (Math.abs(wall - monotonic) > slack.fixed + slack.share * monotonic)
    findings.push({
      code: "clock",
      text: `the runner's clock was set: ${Math.round(wall - monotonic)} ms in ${Math.round(monotonic / 1000)} s`,
    });
  const digests = new Set([end.modelDigest, ...run.digests]);
  for (const digest of digests)
    if (digest !== given.locked)
      findings.push({ code: "digest", text: `the model is ${digest ?? "not there"}, locked is ${given.locked}` });
  if (uncounted > 0)
    findings.push({ code: "no-count", text: `${uncounted} answers without a count of their prompt's tokens` });
  return findings;
}

/** The digest that a run's variant locks. */
export function lockedDigest(plan: Plan, variant: { readonly model: string }): string | null {
  return plan.models[variant.model]?.digest ?? null;
}
