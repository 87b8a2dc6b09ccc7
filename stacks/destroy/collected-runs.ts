import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A run's measurement that lies here, sealed: the digests of its blocks' first lines. */
export type CollectedRun = ReadonlySet<string>;

/**
 * The sealed measurements of a run on this machine: results/<stack>/<run-id>, <run-id>-2 and so on. What has such a name was
 * sealed; what is still being collected has a name that ends in .partial.
 * @param stack only those of one stack
 */
export async function collectedRuns(results: string, runId: string, stack?: string): Promise<CollectedRun[]> {
  const stacks = stack === undefined ? await namesIn(results) : [stack];
  const found: CollectedRun[] = [];
  for (const name of stacks)
    for (const measurement of await namesIn(join(results, name)))
      if (measurement.startsWith(runId) && /^(-\d+)?$/.test(measurement.slice(runId.length)))
        found.push(await readStarts(join(results, name, measurement, "raw")));
  return found;
}

async function readStarts(directory: string): Promise<CollectedRun> {
  const starts = new Set<string>();
  for (const name of await namesIn(directory)) {
    const content = await readFile(join(directory, name));
    const end = content.indexOf("\n");
    if (end !== -1) starts.add(createHash("sha256").update(content.subarray(0, end)).digest("hex"));
  }
  return starts;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
