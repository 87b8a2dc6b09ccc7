import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { unreadable } from "./image-reader.ts";
import type { ImageOptions } from "./image.ts";

/**
 * The SHA-256 digest of a file, in hexadecimal, read without holding it in memory.
 * @throws UserError when it can't be read
 */
export async function digestOfFile(path: string, { progress, signal }: ImageOptions = {}): Promise<string> {
  const hash = createHash("sha256");
  try {
    const { size } = await stat(path);
    let done = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      hash.update(chunk);
      done += chunk.length;
      progress?.(done, size);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw unreadable(path, error instanceof Error ? error.message : String(error), { cause: error });
  }
  return hash.digest("hex");
}
