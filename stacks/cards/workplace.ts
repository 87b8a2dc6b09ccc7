import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isRunning } from "../is-running.ts";

/**
 * Makes a folder that only this user can enter, for what is unfinished of the file named; whoever makes it removes it. What
 * killed processes left of the same file is removed first.
 * @returns its path: the file's, `.partial-`, this process' id and letters of chance
 */
export async function makeWorkplace(file: string): Promise<string> {
  await removeLeftovers(file);
  return await mkdtemp(`${file}.partial-${process.pid}-`);
}

/** Those of running processes, and of other users in a shared folder, stay. */
async function removeLeftovers(file: string): Promise<void> {
  for (const name of await readdir(dirname(file))) {
    if (!name.startsWith(`${basename(file)}.partial-`)) continue;
    const [, owner] = /\.partial-(\d+)-\w+$/.exec(name) ?? [];
    if (owner === undefined || isRunning(Number(owner))) continue;
    const path = join(dirname(file), name);
    if (await isOurs(path)) await rm(path, { recursive: true, force: true });
  }
}

async function isOurs(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.uid === process.getuid?.();
}
