import { mkdir, mkdtemp, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UserError } from "../user-error.ts";
import { checkBootPartition, findBootPartition, readBootFile, run, writeBootFile } from "./boot-partition.ts";
import { editCommandLine } from "./command-line.ts";
import type { Seed } from "./seed.ts";
import { instanceIdOf } from "./instance-id.ts";
import { formatStamp, parseStamp, stampPath, type Stamp } from "./stamp.ts";

const commandLinePath = "cmdline.txt";

/**
 * Writes a card: the base image with a node's seed, kernel command line and stamp on its boot partition. The same image, seed
 * and stamp give the same bytes. The card takes its name only when it is whole, checked, read back and on the disk; only its
 * owner can read it, since it holds the node's host key.
 * @param card.to a path for the card file, replaced if there is one
 * @throws UserError when a tool is missing, the image is of another kind, or the disk is full
 */
export async function writeCard(card: { image: string; seed: Seed; stamp: Stamp; to: string }): Promise<void> {
  const { image, seed, stamp, to } = card;
  await refuseOtherThanFile(to);
  await mkdir(dirname(to), { recursive: true });
  await removeLeftovers(to);
  const workplace = await mkdtemp(`${to}.partial-${process.pid}-`);
  try {
    const unfinished = join(workplace, "card.img");
    await copyImage(image, unfinished);
    const partition = await findBootPartition(unfinished);
    const commandLine = await readBootFile(partition, commandLinePath);
    if (commandLine === undefined)
      throw new UserError({
        what: `has no ${commandLinePath} on its boot partition, so it is no image for a Raspberry Pi that Bramble knows`,
        where: image,
        next: "use Raspberry Pi OS Lite (64-bit, Trixie, with cloud-init)",
      });
    const files = {
      ...seed.files,
      [commandLinePath]: editCommandLine(commandLine.toString(), instanceIdOf(stamp)),
      [stampPath]: formatStamp(stamp),
    };
    for (const [name, content] of Object.entries(files)) await writeBootFile(partition, name, content);
    await checkBootPartition(partition, join(workplace, "boot.img"));
    for (const [name, content] of Object.entries(files))
      if (!(await readBootFile(partition, name))?.equals(Buffer.from(content)))
        throw new Error(`${name} reads back differently from the card of ${stamp.node}`);
    await flush(unfinished);
    await rename(unfinished, to);
    await flush(dirname(to));
  } finally {
    await rm(workplace, { recursive: true, force: true });
  }
}

/** The stamp of a card file, or undefined where there is no card or it has no stamp of this form. */
export async function readStamp(card: string): Promise<Stamp | undefined> {
  if ((await kindOf(card)) === undefined) return undefined;
  const text = await readBootFile(await findBootPartition(card), stampPath);
  return text === undefined ? undefined : parseStamp(text.toString());
}

async function kindOf(path: string): Promise<"file" | "other" | undefined> {
  try {
    return (await stat(path)).isFile() ? "file" : "other";
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Renaming onto a device would replace its name, not write to it. */
async function refuseOtherThanFile(path: string): Promise<void> {
  if ((await kindOf(path)) === "other")
    throw new UserError({ what: "is no file", where: path, next: "name a file to write the card to" });
}

async function copyImage(image: string, to: string): Promise<void> {
  await writeFile(to, "", { mode: 0o600 }); // cp keeps the mode of what is there
  const { code, stderr } = await run("cp", ["--sparse=always", "--reflink=auto", "--", image, to]);
  if (code !== 0)
    throw new UserError({
      what: `can't be copied: ${stderr.trim()}`,
      where: image,
      next: "check that the image is there, and that the disk has room for a card",
    });
}

/** Removes what writers that were killed left beside this card; those of running processes stay. */
async function removeLeftovers(to: string): Promise<void> {
  for (const name of await readdir(dirname(to))) {
    if (!name.startsWith(`${basename(to)}.partial-`)) continue;
    const [, process] = /\.partial-(\d+)-\w+$/.exec(name) ?? [];
    if (process !== undefined && !isRunning(Number(process)))
      await rm(join(dirname(to), name), { recursive: true, force: true });
  }
}

function isRunning(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch (error) {
    return !isSystemError(error, "ESRCH");
  }
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

async function flush(path: string): Promise<void> {
  const file = await open(path);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
