import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { lockName, renderLock, type BundleEntry, type BundleLock } from "../../../stacks/config/bundle-lock.ts";
import { countUsed } from "../../../stacks/cards/chunk-memory.ts";
import { codeOf, download, sizeOf } from "../../../stacks/download.ts";
import { UserError } from "../../../stacks/user-error.ts";
import type { Progress } from "../flash/progress.ts";
import { stagedAt, stagingOf, writeStaged, type Fetch, type Item, type Plan, type Taken } from "./item.ts";
import { adviceFor } from "./plan-file.ts";
import { syncFile } from "./sync-file.ts";

/**
 * Fetches what is missing, makes what has to be made and, once all is there, puts it in its place. Until then the bundle stays
 * what it was. A run that was cut off goes on with what it had.
 * @throws UserError when something can't be had, or is not what it should be
 */
export async function gather(
  site: string,
  items: readonly Item[],
  plan: Plan,
  progress: Progress,
): Promise<BundleLock> {
  await mkdir(stagingOf(plan.directory), { recursive: true });
  const fetches = distinct(items);
  for (const [index, { fetch, name }] of fetches.entries())
    await obtain(fetch, name, plan, (done, total) => {
      progress.show(`${index + 1}/${fetches.length} ${name}`, done, total);
    });
  const taken: Taken[] = [];
  try {
    for (const item of items) {
      plan.signal.throwIfAborted();
      if (item.kind === "workload-image" && item.fetches.length > 0)
        progress.show(`packing ${item.name}`, 0, undefined);
      taken.push(await item.take());
    }
  } catch (error) {
    if (codeOf(error) !== "ENOSPC" && codeOf(error) !== "EDQUOT") throw error;
    throw noRoom(plan.directory, error);
  } finally {
    progress.clear();
  }
  const lock: BundleLock = {
    schema: 1,
    site,
    architecture: plan.architecture,
    entries: taken.map(({ entry }) => entry),
  };
  await publish(plan.directory, taken, renderLock(lock));
  return lock;
}

/** What has to be fetched, each thing once, with a name for it. */
export function distinct(items: readonly Item[]): { readonly fetch: Fetch; readonly name: string }[] {
  const all = items.flatMap(({ fetches, name, source, kind }) =>
    fetches.map((fetch) => ({ fetch, name: kind === "model" ? source : (name.split("/").at(-1) ?? name) })),
  );
  return [...new Map(all.map((one) => [one.fetch.sha256, one])).values()];
}

async function obtain(
  { from, sha256, bytes }: Fetch,
  name: string,
  plan: Plan,
  progress: (done: number, total: number | undefined) => void,
): Promise<void> {
  const path = stagedAt(plan, sha256);
  if ((await sizeOf(path)) !== undefined) return;
  plan.signal.throwIfAborted();
  if ("file" in from) await copy(from.file, path, { sha256, name, bytes, signal: plan.signal, progress });
  else
    await download(
      { ...from, sha256, path, advice: adviceFor(name) },
      { progress, signal: plan.signal },
      plan.patience,
    );
}

/** Copies a file, which takes its name only when its digest is right. */
async function copy(
  from: string,
  path: string,
  wanted: {
    readonly sha256: string;
    readonly name: string;
    readonly bytes: number | undefined;
    readonly signal: AbortSignal;
    readonly progress: (done: number, total: number | undefined) => void;
  },
): Promise<void> {
  const hash = createHash("sha256");
  let done = 0;
  const unfinished = `${path}.making`;
  try {
    await pipeline(
      createReadStream(from, { highWaterMark: 1 << 20 }),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          done += chunk.length;
          countUsed(chunk.length);
          wanted.progress(done, wanted.bytes);
          yield chunk;
        }
      },
      createWriteStream(unfinished),
      { signal: wanted.signal },
    );
  } catch (error) {
    await rm(unfinished, { force: true });
    if (codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT") throw noRoom(path, error);
    throw error;
  }
  const found = hash.digest("hex");
  if (found !== wanted.sha256) {
    await rm(unfinished);
    throw new UserError({
      what: `has another digest than the config says\n  expected sha256 ${wanted.sha256}\n  found    sha256 ${found}`,
      where: from,
      next: "put the right file there, or, if this one is meant, set sha256 to the digest found",
    });
  }
  await syncFile(unfinished);
  await rename(unfinished, path);
}

/** Puts everything in its place, the lock last, and takes away what the site no longer needs. */
async function publish(directory: string, taken: readonly Taken[], lock: string): Promise<void> {
  // So that a run that is cut off from here on is known to have had all of it.
  await writeStaged(join(stagingOf(directory), lockName), lock);
  const left = new Map<string, number>();
  for (const { file } of taken) if (file !== undefined) left.set(file, (left.get(file) ?? 0) + 1);
  const directories = new Set<string>();
  for (const { entry, file } of taken) {
    if (file === undefined) continue;
    const target = join(directory, entry.name);
    await mkdir(dirname(target), { recursive: true });
    directories.add(dirname(target));
    const uses = left.get(file) ?? 1;
    left.set(file, uses - 1);
    // The same bytes under several names: the last one may have the file itself.
    if (uses > 1) await copyFile(file, target);
    else await rename(file, target);
  }
  for (const each of directories) await syncFile(each);
  await writeStaged(join(directory, lockName), lock);
  await syncFile(directory);
  await rm(stagingOf(directory), { recursive: true, force: true });
  const names = new Set(taken.map(({ entry }) => entry.name));
  for (const name of await filesIn(directory)) if (!names.has(name)) await rm(join(directory, name));
}

/** The files of a bundle, without its lock. */
export async function filesIn(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const part of ["os", "k3s", "images", "models"]) {
    const entries = await readdir(join(directory, part), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries)
      if (!entry.isDirectory()) found.push(join(entry.parentPath, entry.name).slice(directory.length + 1));
  }
  return found.sort();
}

/** Bytes of entries. */
export function bytesOf(entries: readonly Pick<BundleEntry, "bytes">[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}

function noRoom(where: string, cause: unknown): UserError {
  return new UserError(
    {
      what: "the disk has no room for the bundle",
      where,
      next: "free space on this disk and run the command again: it goes on where it stopped",
    },
    { cause },
  );
}
