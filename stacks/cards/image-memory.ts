import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { sha256 } from "../config/fields.ts";
import { imageCache } from "./image-cache.ts";
import { unreadable } from "./image-reader.ts";
import type { LocalImage } from "./image.ts";
import { systems } from "./system.ts";

const recordSchema = z.strictObject({
  file: z.string(),
  fingerprint: z.string(),
  sha256,
  size: z.int().min(0),
  system: z.enum(systems),
});

/** What a file's system says of it, which is another after any change. */
export interface Fingerprint {
  readonly text: string;
  /** Whether a change right after it was taken would be seen too. */
  readonly settled: boolean;
}

/** The coarsest clock that a file system keeps times by is FAT's, with two seconds. */
const coarsestClock = 2000;

/** @throws UserError when the file is not there */
export async function fingerprintOf(path: string): Promise<Fingerprint> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs, mtimeMs } = await stat(path, { bigint: true });
    const changed = Number(ctimeMs > mtimeMs ? ctimeMs : mtimeMs);
    return {
      text: [dev, ino, size, mtimeNs, ctimeNs].join(" "),
      settled: changed + coarsestClock < Date.now(),
    };
  } catch (error) {
    throw unreadable(path, error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** What was found in this file before, or undefined where nothing was or it has changed since. */
export async function recallImage(path: string): Promise<LocalImage | undefined> {
  const fingerprint = await fingerprintOf(path);
  const record = parseRecord(await readFile(recordPath(path), "utf8").catch(() => ""));
  if (record?.file !== path || record.fingerprint !== fingerprint.text) return undefined;
  return { path, sha256: record.sha256, size: record.size, system: record.system };
}

/**
 * Remembers what was found in a file, unless it may have changed since.
 * @param before the file's fingerprint as it was before it was read
 */
export async function rememberImage(image: LocalImage, before: Fingerprint): Promise<void> {
  const { path, ...found } = image;
  if (!before.settled || (await fingerprintOf(path)).text !== before.text) return;
  const target = recordPath(path);
  const record: z.infer<typeof recordSchema> = { file: path, fingerprint: before.text, ...found };
  await mkdir(dirname(target), { recursive: true });
  const unfinished = `${target}.${randomUUID()}`;
  await writeFile(unfinished, `${JSON.stringify(record, null, 2)}\n`);
  await rename(unfinished, target);
}

function recordPath(path: string): string {
  return join(imageCache(), "known", `${createHash("sha256").update(path).digest("hex")}.json`);
}

function parseRecord(text: string): z.infer<typeof recordSchema> | undefined {
  try {
    return recordSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
