import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { stateDirectory } from "../root.ts";
import type { Stamp } from "./stamp.ts";

/** Where it is kept which cards this machine wrote: `<site>/<node>.json`. */
export const writtenCardsDirectory = join(stateDirectory, "cards");

const recordSchema = z.object({
  generation: z.int().min(1),
  digest: z.string(),
  written: z.iso.datetime().transform((text) => new Date(text)),
});

/** The last card that this machine wrote for a node. */
export type WrittenCard = z.output<typeof recordSchema>;

/** Remembers that a node's card was written just now. It only serves what people are told: the card itself has the last word. */
export async function recordWrittenCard(stamp: Stamp, directory = writtenCardsDirectory): Promise<void> {
  const { site, node, generation, digest } = stamp;
  const file = recordPath(directory, site, node);
  await mkdir(join(directory, site), { recursive: true });
  const unfinished = `${file}.partial-${process.pid}`;
  await writeFile(unfinished, `${JSON.stringify({ generation, digest, written: new Date().toISOString() })}\n`);
  await rename(unfinished, file);
}

/** The last card that this machine wrote for a node; undefined where it wrote none, or the note of it is damaged. */
export async function findWrittenCard(
  site: string,
  node: string,
  directory = writtenCardsDirectory,
): Promise<WrittenCard | undefined> {
  try {
    return recordSchema.safeParse(JSON.parse(await readFile(recordPath(directory, site, node), "utf8"))).data;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function recordPath(directory: string, site: string, node: string): string {
  return join(directory, site, `${node}.json`);
}
