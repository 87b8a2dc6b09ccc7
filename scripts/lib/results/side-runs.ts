import type { JudgedRun } from "./judged-runs.ts";
import type { RunDigest } from "./run-digest.ts";

/** A variant's runs. */
export interface SideRuns {
  /** The run that may be believed, where there is one. */
  readonly run: (scenario: string, block: number) => RunDigest | undefined;
  /** Runs during which the board throttled, and those that can't be believed for another reason; each in words. */
  readonly leftOut: Readonly<Record<"throttled" | "invalid", readonly string[]>>;
}

export function sideRuns(judged: readonly JudgedRun[], variant: string): SideRuns {
  const own = judged.filter(({ run }) => run.variant === variant);
  const believed = new Map(
    own.flatMap(({ block, run, findings }) => (findings.length > 0 ? [] : [[`${block}/${run.scenario}`, run]])),
  );
  const leftOut: Record<"throttled" | "invalid", string[]> = { throttled: [], invalid: [] };
  for (const { block, run, findings } of own) {
    if (findings.length === 0) continue;
    const reason = findings.every(({ code }) => code === "throttled") ? "throttled" : "invalid";
    leftOut[reason].push(`${run.scenario} of block ${block} (${findings.map(({ text }) => text).join("; ")})`);
  }
  return { run: (scenario, block) => believed.get(`${block}/${scenario}`), leftOut };
}
