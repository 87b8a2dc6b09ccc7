import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { extname, join } from "node:path";
import { Piscina } from "piscina";
import { readBlock, type BlockFile, type ReadBlock } from "./read-block.ts";

/** Bytes of journals above which starting threads is worth it. */
export const threadsFrom = 8 << 20;
/** Each takes some 100 MB; two read a million requests in some seconds. */
const mostThreads = 2;

/** Started for the first journals that are large, and shared: two runs that are read at once take turns. Idle, it lets the process end. */
let pool: Piscina<BlockFile, ReadBlock> | undefined;

function startPool(): Piscina<BlockFile, ReadBlock> {
  const threads = Math.min(availableParallelism(), mostThreads);
  return new Piscina({
    filename: join(import.meta.dirname, `read-block${extname(import.meta.filename)}`),
    name: "readBlock",
    // As many at least as at most: one that is idle between two runs is not ended and started anew.
    minThreads: threads,
    maxThreads: threads,
    // Records die young. What V8 takes by itself grows with the machine's memory.
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  });
}

/**
 * Reads journals, large ones on several threads (Piscina, the pool of Node's own contributors).
 * @returns in the order of the files
 */
export async function readBlocks(blocks: readonly BlockFile[]): Promise<ReadBlock[]> {
  const sizes = await Promise.all(blocks.map(async ({ file }) => (await stat(file)).size));
  if (sizes.reduce((sum, size) => sum + size, 0) < threadsFrom) return blocks.map(readBlock);
  const threads = (pool ??= startPool());
  return await Promise.all(blocks.map((block) => threads.run(block)));
}
