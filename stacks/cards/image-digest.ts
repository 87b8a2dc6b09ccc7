import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { blockSize } from "./block.ts";
import { fill, unreadable } from "./image-reader.ts";
import type { ImageOptions } from "./image.ts";

/**
 * The SHA-256 digest of a file, in hexadecimal, read without holding it in memory.
 * @throws UserError when it can't be read
 */
export async function digestOfFile(path: string, { progress, signal }: ImageOptions = {}): Promise<string> {
  const hash = createHash("sha256");
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const block = Buffer.allocUnsafeSlow(blockSize);
      for (let done = 0, length = -1; length !== 0; done += length) {
        signal?.throwIfAborted();
        length = await fill(file, block, done);
        hash.update(block.subarray(0, length));
        progress?.(done + length, size);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw unreadable(path, error instanceof Error ? error.message : String(error), { cause: error });
  }
  return hash.digest("hex");
}
