import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { pipeline } from "node:stream";
import { countUsed } from "../../../stacks/cards/chunk-memory.ts";
import type { BundledImage } from "../../../stacks/config/bundle-lock.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { gpuLibraryOf } from "./gpu-libraries.ts";
import { withoutEntries } from "./layer-filter.ts";

/** What a layer holds for graphics cards, by directory. */
export type LeftOut = BundledImage["leftOut"];

/**
 * A layer's tar archive without the libraries for graphics cards, decompressed.
 * @param found gets what was left out, once all was read
 * @throws UserError when a file that stays is a link to one that does not; Error when it is damaged
 */
export async function* withoutGpuLibraries(
  path: string,
  found: (leftOut: LeftOut) => void,
): AsyncGenerator<Buffer, void> {
  const directories = new Map<string, { files: number; bytes: number }>();
  const isLibrary = (name: string) => gpuLibraryOf(name) !== undefined;
  yield* withoutEntries(decompressed(path), isLibrary, ({ name, linkname, bytes, left }) => {
    if (!left && linkname !== undefined && isLibrary(linkname))
      throw new UserError({
        what: `${name} is a link to ${linkname}, a library for graphics cards: without it the image is broken`,
        where: path,
        next: "set gpu: true at this image, which keeps these libraries",
      });
    if (!left) return;
    const directory = gpuLibraryOf(name) ?? name;
    const sum = directories.get(directory) ?? { files: 0, bytes: 0 };
    directories.set(directory, { files: sum.files + 1, bytes: sum.bytes + bytes });
  });
  found([...directories].map(([directory, sum]) => ({ path: directory, ...sum })));
}

/** A layer's tar archive. How it is compressed is told by its first bytes. */
async function* decompressed(path: string): AsyncGenerator<Buffer, void> {
  const file = createReadStream(path, { highWaterMark: 1 << 18 });
  const start = await firstBytes(path);
  const decompress = start.startsWith("1f8b")
    ? createGunzip({ chunkSize: 1 << 18 })
    : start === "28b52ffd"
      ? createZstdDecompress({ chunkSize: 1 << 18 })
      : undefined;
  // The error, if there is one, comes out of the iteration.
  const chunks = decompress === undefined ? file : pipeline(file, decompress, () => undefined);
  for await (const chunk of chunks as AsyncIterable<Buffer>) {
    countUsed(chunk.length);
    yield chunk;
  }
}

async function firstBytes(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead).toString("hex");
  } finally {
    await file.close();
  }
}
