import { z } from "zod";
import type { ManagedFile, Phase } from "./phase.ts";

const description = z.object({
  sha256: z.string().nullable(),
  mode: z.string().nullable().optional(),
  owner: z.string().nullable().optional(),
});
type Description = z.infer<typeof description>;

/** What a probe saw of the phases' records on a node: for each file what was installed, and what lies there now. */
export const recordsSchema = z.record(
  z.string(),
  z.object({
    /** When the node last had something done to it, by its own clock; null while that has not ended well. */
    applied: z.string().nullable(),
    files: z.record(z.string(), z.object({ installed: description, present: description.nullable() })),
  }),
);
export type Records = z.infer<typeof recordsSchema>;

/**
 * Why a phase has to be applied again although its configuration may not have changed, or undefined. Drift counts only
 * where the node's record says that exactly what is wanted now was installed: anything else is an ordinary change, which
 * Pulumi sees by itself. The text is the same for each probe of the same drift, so that preview and update agree, and
 * another one for each repair (it names the time of the last), so that the same hand edit is seen a second time.
 * @param machine what tells this installation of the node's system from one that was there before
 */
export function repairReason(phase: Phase, records: Records, machine: string): string | undefined {
  if (phase.files.length === 0) return undefined;
  const record = records[phase.name];
  // A card that was written again has lost everything, while the state believes it in place.
  if (record === undefined) return `not on ${phase.node} yet (machine ${machine})`;
  if (record.applied === null) return undefined;
  const changes = phase.files.flatMap((file) => {
    const seen = record.files[file.path];
    if (seen === undefined || !isSame(seen.installed, file) || isSame(seen.present, file)) return [];
    return [`${file.path} ${howItChanged(seen.present, file)}`];
  });
  return changes.length === 0 ? undefined : `${changes.join(", ")} on ${phase.node} since ${record.applied}`;
}

function isSame(one: Description | null, file: ManagedFile): boolean {
  if (one?.sha256 !== file.sha256) return false;
  return "block" in file || (one.mode === file.mode && one.owner === file.owner);
}

function howItChanged(present: Description | null, file: ManagedFile): string {
  if (present === null) return "removed";
  if (present.sha256 !== file.sha256) return "changed";
  return `mode ${present.mode ?? "?"} ${present.owner ?? "?"}`;
}
