import { isFile, type Records } from "../remote/drift.ts";
import type { Phase } from "../remote/phase.ts";
import { binaryPath } from "./paths.ts";

/** What applying the phase would do to K3s on its node. */
export interface Restart {
  /** K3s is there and would be restarted. */
  readonly restart: boolean;
  /** Its executable would be another one. */
  readonly binary: boolean;
}

/** @param records what a probe saw on the node */
export function restartNeeded(phase: Phase, records: Records): Restart {
  const record = records[phase.name];
  if (record === undefined) return { restart: false, binary: false };
  const wanted = new Set(phase.files.map(({ path }) => path));
  const changed = new Set([
    ...phase.files.filter((file) => !isFile(record.files[file.path]?.present ?? null, file)).map(({ path }) => path),
    ...Object.keys(record.files).filter((path) => !wanted.has(path)),
  ]);
  const restart = (phase.units ?? []).some(
    ({ name, after }) =>
      record.pending.includes(`restarted ${name}`) || (after ?? []).some((path) => changed.has(path)),
  );
  return { restart, binary: changed.has(binaryPath) };
}
