import { mkdir, open, readdir, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { lock } from "proper-lockfile";
import { UserError } from "../../../stacks/user-error.ts";

/**
 * Makes a directory that only this user can read and that has its name only once all of it is on the disk. Until then it is
 * .<name>.partial beside it. One process at a time works beside it; what those before it left of that kind is given to `fill`, as it
 * may be of use, and removed once the directory is whole.
 * @param fill writes the files
 * @throws UserError while another process makes a directory beside it
 */
export async function makeWhole(
  directory: string,
  fill: (partial: string, leftovers: readonly string[]) => Promise<void>,
): Promise<void> {
  const parent = dirname(directory);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const release = await lockDirectory(parent);
  try {
    const leftovers = await leftoversIn(parent);
    const partial = join(parent, `.${directory.slice(parent.length + 1)}.partial`);
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { mode: 0o700 });
    await fill(
      partial,
      leftovers.filter((leftover) => leftover !== partial),
    );
    await syncDirectory(partial);
    await rename(partial, directory);
    await syncDirectory(parent);
    for (const leftover of leftovers) await rm(leftover, { recursive: true, force: true });
  } finally {
    await release();
  }
}

/** Writes a new file that only this user can read, and sees to it that it is on the disk. */
export async function writePrivately<Value>(
  file: string,
  write: (handle: FileHandle) => Promise<Value>,
): Promise<Value> {
  const handle = await open(file, "wx", 0o600);
  try {
    const value = await write(handle);
    await handle.sync();
    return value;
  } finally {
    await handle.close();
  }
}

async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  try {
    return await lock(directory, { lockfilePath: join(directory, ".lock") });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ELOCKED") throw error;
    throw new UserError({
      what: "another process is at work there",
      where: directory,
      next: "wait for it to end (one that was killed counts as ended after ten seconds), then run this again",
    });
  }
}

async function leftoversIn(parent: string): Promise<string[]> {
  return (await readdir(parent)).filter((name) => /^\..+\.partial$/.test(name)).map((name) => join(parent, name));
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
