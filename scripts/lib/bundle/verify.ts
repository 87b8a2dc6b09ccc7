import { join } from "node:path";
import { digestOfFile } from "../../../stacks/cards/image-digest.ts";
import { differs } from "../../../stacks/config/bundle-check.ts";
import type { BundleLock } from "../../../stacks/config/bundle-lock.ts";
import { sizeOf } from "../../../stacks/download.ts";
import type { Progress } from "../flash/progress.ts";
import { bytesOf, filesIn } from "./gather.ts";

/**
 * Reads every file of a bundle and compares it with the lock.
 * @throws UserError with everything that is missing, differs or is not in the lock
 */
export async function verifyBundle(
  directory: string,
  { entries }: BundleLock,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const total = bytesOf(entries);
  const problems: string[] = [];
  let done = 0;
  for (const { name, bytes, sha256 } of entries) {
    const path = join(directory, name);
    const size = await sizeOf(path);
    if (size === undefined) problems.push(`${name}: is missing`);
    else if (size !== bytes) problems.push(`${name}: has ${size} bytes, not ${bytes}`);
    else {
      const before = done;
      const found = await digestOfFile(path, {
        signal,
        progress: (read) => {
          progress.show("verifying", before + read, total);
        },
      });
      if (found !== sha256) problems.push(`${name}: has sha256 ${found}, not ${sha256}`);
    }
    done += bytes;
  }
  progress.clear();
  const names = new Set(entries.map(({ name }) => name));
  for (const name of await filesIn(directory)) if (!names.has(name)) problems.push(`${name}: is not in the lock`);
  if (problems.length > 0) throw differs(directory, problems);
}
