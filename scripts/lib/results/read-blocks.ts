import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { extname, join } from "node:path";
import { Piscina } from "piscina";
import { readBlock, type BlockFile, type ReadBlock } from "./read-block.ts";

/** Bytes of journals above which starting threads is worth it. */
const threadsFrom = 8 << 20;
/** More of them would only hold more journals in memory at a time. */
const mostThreads = 4;

/**
 * Reads journals, large ones on several threads (Piscina, the pool of Node's own contributors). A thread holds one journal at a time.
 * @returns in the order of the files
 */
export async function readBlocks(blocks: readonly BlockFile[]): Promise<ReadBlock[]> {
  const sizes = await Promise.all(blocks.map(async ({ file }) => (await stat(file)).size));
  if (sizes.reduce((sum, size) => sum + size, 0) < threadsFrom) {
    const read: ReadBlock[] = [];
    for (const block of blocks) read.push(await readBlock(block));
    return read;
  }
  const pool = new Piscina<BlockFile, ReadBlock>({
    filename: join(import.meta.dirname, `read-block${extname(import.meta.filename)}`),
    name: "readBlock",
    maxThreads: Math.min(availableParallelism(), mostThreads),
  });
  try {
    return await Promise.all(blocks.map((block) => pool.run(block)));
  } finally {
    await pool.destroy();
  }
}
