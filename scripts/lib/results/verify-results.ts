import { createHash } from "node:crypto";
import { UserError } from "../../../stacks/user-error.ts";
import { canonicalJson } from "../../../workloads/benchmark/plan.ts";
import type { ResultsLayout } from "./layout.ts";
import { openSealedRun, type SealedRun } from "./sealed-run.ts";

/** What verifying a sealed run came to; `problem` is null where every byte is as it was sealed. */
export interface Verified {
  readonly stack: string;
  readonly run: string;
  readonly problem: string | null;
}

/** Checks every byte of sealed runs against their seals, and what a manifest says of its parts against them. One after the other. */
export async function* verifyResults(
  layout: ResultsLayout,
  runs: readonly { readonly stack: string; readonly run: string }[],
): AsyncGenerator<Verified> {
  for (const { stack, run } of runs) {
    let problem: string | null;
    try {
      problem = contradictionOf(await openSealedRun(layout, stack, run));
    } catch (error) {
      // A disk that can't be read any more, or a link that leads nowhere, is damage too.
      const isDamage = error instanceof UserError || (error instanceof Error && "syscall" in error);
      if (!isDamage) throw error;
      problem = error.message.split("\n")[0] ?? "";
    }
    yield { stack, run, problem };
  }
}

/** A seal can be made anew over changed files; then these no longer agree. */
function contradictionOf({ measurement, manifest, digests }: SealedRun): string | null {
  const { plan, planDigest, runId, blocks } = manifest;
  const digest = createHash("sha256").update(canonicalJson(plan)).digest("hex");
  if (digest !== planDigest || !digest.startsWith(runId) || !measurement.startsWith(runId))
    return "its plan is not the one that its run-id is of";
  const other = blocks.find(({ block, sha256 }) => sha256 !== null && digests.get(block) !== sha256);
  return other === undefined ? null : `block ${other.block} is not the one that its manifest tells of`;
}
