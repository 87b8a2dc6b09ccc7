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
 * Checks every byte of a sealed directory, but for those files that the caller reads anyway: their digests are for it to check, by
 * `checkDigest`.
 * @param name what the errors call it
 * @returns the digest that each file was sealed with
 * @throws UserError that names every file that was changed, added or removed
 */
export async function verifySeal(
  directory: string,
  name: string,
  readByCaller: (file: string) => boolean = () => false,
): Promise<ReadonlyMap<string, string>> {
  const expected = await readChecksums(directory, name);
  const damage = await findDamage(directory, expected, readByCaller);
  // All of what is amiss, once something is.
  if (damage.length > 0) throw damaged(name, await findDamage(directory, expected, () => false));
  return expected;
}

/** @throws UserError unless these files have the digests that they were sealed with */
export function checkDigests(
  expected: ReadonlyMap<string, string>,
  actual: ReadonlyMap<string, string>,
  name: string,
): void {
  const changed = [...actual].filter(([file, digest]) => expected.get(file) !== digest);
  if (changed.length > 0)
    throw damaged(
      name,
      changed.map(([file]) => `${file} was changed`),
    );
}

function damaged(name: string, damage: readonly string[]): UserError {
  return new UserError({
    what: `${damage.join(", ")}: these are no longer the results that were sealed`,
    where: name,
    next: "restore what is named from a copy, or move the run's directory away and collect it again",
  });
}

async function readChecksums(directory: string, name: string): Promise<ReadonlyMap<string, string>> {
  const sums = join(directory, checksumsName);
  if (!existsSync(sums)) throw damaged(name, [`${checksumsName} is missing`]);
  const expected = parseChecksums(await readFile(sums, "utf8"));
  if (expected === null) throw damaged(name, [`${checksumsName} was changed`]);
  return expected;
}

/** What became of the files of a sealed directory, one by one: "raw/block-0.ndjson was changed". */
async function findDamage(
  directory: string,
  expected: ReadonlyMap<string, string>,
  skipped: (file: string) => boolean,
): Promise<string[]> {
  const present = (await filesBelow(directory)).filter((file) => file !== checksumsName);
  const damage = [...expected.keys()].filter((file) => !present.includes(file)).map((file) => `${file} is missing`);
  for (const file of present) {
    if (!expected.has(file)) damage.push(`${file} was added`);
    else if (!skipped(file) && (await digestOfFile(join(directory, file))) !== expected.get(file))
      damage.push(`${file} was changed`);
  }
  return damage;
}

/** Digests by path; null where it is not what `seal` wrote. */
function parseChecksums(text: string): ReadonlyMap<string, string> | null {
  const lines = text.split("\n").map((line) => /^([0-9a-f]{64}) {2}(.+)$/.exec(line));
  // Its last line ends, too.
  if (lines.pop() !== null || !text.endsWith("\n")) return null;
  const digests = new Map<string, string>();
  for (const line of lines) {
    if (line === null) return null;
    digests.set(line[2] ?? "", line[1] ?? "");
  }
  return digests;
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
