import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { blockSize } from "./server-files.ts";

/** Where a block lies on this machine. */
interface Place {
  readonly file: string;
  readonly offset: number;
}

/**
 * Blocks of snapshots that lie on this machine, by their SHA-256: of a backup that was cut off, and of the last one. etcd changes few
 * of its pages between two snapshots, so most of a snapshot need not come over the link again.
 */
export class KnownBlocks {
  readonly #places = new Map<string, Place>();

  has(digest: string): boolean {
    return this.#places.has(digest);
  }

  /** Takes in what a file holds, if there is one: a block that is torn is like no other. */
  async addFile(file: string): Promise<void> {
    let handle: FileHandle;
    try {
      handle = await open(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    try {
      for (let offset = 0; ; offset += blockSize) {
        const block = await readBlock(handle, offset);
        if (block.length === 0) return;
        this.#places.set(createHash("sha256").update(block).digest("hex"), { file, offset });
      }
    } finally {
      await handle.close();
    }
  }

  /** @throws Error where there is no such block */
  async read(digest: string): Promise<Buffer> {
    const place = this.#places.get(digest);
    if (place === undefined) throw new Error(`no block ${digest} is known`);
    const handle = await open(place.file);
    try {
      return await readBlock(handle, place.offset);
    } finally {
      await handle.close();
    }
  }
}

/** A block, or what the file has of it. */
async function readBlock(handle: FileHandle, offset: number): Promise<Buffer> {
  const block = Buffer.alloc(blockSize);
  let length = 0;
  while (length < blockSize) {
    const { bytesRead } = await handle.read(block, length, blockSize - length, offset + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return block.subarray(0, length);
}
