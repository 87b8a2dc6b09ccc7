import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { chmod, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { UserError } from "../../../stacks/user-error.ts";

/** Digests of all other files, in the form that `sha256sum --check` reads. */
export const checksumsName = "SHA256SUMS";

/**
 * Makes a directory of results final: writes the checksums of its files, makes all of it read-only and gives it its
 * final name in one step. What has that name is whole; until then nothing has.
 */
export async function seal(directory: string, final: string): Promise<void> {
  await rm(join(directory, checksumsName), { force: true });
  const files = await filesBelow(directory);
  const lines = await Promise.all(files.map(async (file) => `${await digestOfFile(join(directory, file))}  ${file}\n`));
  await writeWhole(join(directory, checksumsName), lines.join(""));
  for (const file of [...files, checksumsName]) await chmod(join(directory, file), 0o444);
  for (const folder of await foldersBelow(directory)) await chmod(folder, 0o555);
  await rename(directory, final);
}

/**
 * Checks every byte of a sealed directory.
 * @param name what the errors call it
 * @param known digests of files that were read already, by their paths from the directory
 * @throws UserError that names the first file that was changed, added or removed
 */
export async function verifySeal(
  directory: string,
  name: string,
  known: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  const fail = (file: string, what: string): never => {
    throw new UserError({
      what: `${file} ${what}: these are no longer the results that were sealed`,
      where: name,
      next: "restore that file from a copy, or move the run's directory away and collect it again",
    });
  };
  const sums = join(directory, checksumsName);
  if (!existsSync(sums)) fail(checksumsName, "is missing");
  const expected = new Map<string, string>();
  for (const line of (await readFile(sums, "utf8")).split("\n").slice(0, -1)) {
    const [, digest, file] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? fail(checksumsName, "was changed");
    expected.set(file ?? "", digest ?? "");
  }
  const present = new Set(await filesBelow(directory));
  present.delete(checksumsName);
  for (const file of expected.keys()) if (!present.has(file)) fail(file, "is missing");
  for (const file of present) {
    if (!expected.has(file)) fail(file, "was added");
    const digest = known.get(file) ?? (await digestOfFile(join(directory, file)));
    if (digest !== expected.get(file)) fail(file, "was changed");
  }
}

/** Writes a file so that it is there as a whole or not at all, also after a power cut. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.tmp`;
  try {
    const handle = await open(temporary, "w");
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

export async function digestOfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/** Paths of all files below a directory, from there, sorted. */
async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}

/** The deepest first, the directory itself last. */
async function foldersBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  return [...folders.sort().reverse(), directory];
}
