import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { bootPartitionOfImage, listBootFiles, readBootFile, type BootPartition } from "./boot-partition.ts";
import { imageCache } from "./image-cache.ts";
import { blockSize, isZero, startSize } from "./block.ts";
import { openImage, type ImageReader } from "./image-reader.ts";
import type { ImageOptions, LocalImage } from "./image.ts";
import type { Partition } from "./partition-table.ts";
import { recogniseSystem, type System } from "./system.ts";
import { makeWorkplace } from "./workplace.ts";

/**
 * Looks into a base image: how large it is and whose system it holds. A compressed one is decompressed to its end, so that one
 * that is cut short is found before a card is written.
 * @throws UserError when it can't be decompressed, is no disk image for a Raspberry Pi, or of an unknown system
 */
export async function inspectImage(path: string, options: ImageOptions): Promise<Pick<LocalImage, "size" | "system">> {
  const reader = await openImage(path);
  try {
    const start = Buffer.alloc(startSize);
    const length = await reader.read(start);
    if (reader.size !== undefined) {
      const partition = bootPartitionOfImage(path, start.subarray(0, length), reader.size);
      return { size: reader.size, system: await systemOn({ ...partition, disk: path, label: path }) };
    }
    const partition = bootPartitionOfImage(path, start.subarray(0, length), Infinity);
    await mkdir(imageCache(), { recursive: true });
    const workplace = await makeWorkplace(join(imageCache(), "inspection"));
    try {
      const disk = join(workplace, "boot.img");
      const size = await copyOut(reader, partition, disk, options);
      bootPartitionOfImage(path, start, size);
      return { size, system: await systemOn({ ...partition, offset: 0, disk, label: path }) };
    } finally {
      await rm(workplace, { recursive: true, force: true });
    }
  } finally {
    await reader.close();
  }
}

async function systemOn(boot: BootPartition): Promise<System> {
  return await recogniseSystem(boot.label, await listBootFiles(boot), async (name) =>
    (await readBootFile(boot, name))?.toString(),
  );
}

/**
 * Reads an image from the end of its start to its own.
 * @param to a path to lay the partition at, with holes for its zeros
 * @returns bytes of the whole image
 */
async function copyOut(
  reader: ImageReader,
  { offset, size }: Partition,
  to: string,
  { progress, signal }: ImageOptions,
): Promise<number> {
  const file = await open(to, "wx", 0o600);
  try {
    await file.truncate(size);
    const block = Buffer.alloc(blockSize);
    for (let position = startSize; ;) {
      signal?.throwIfAborted();
      const length = await reader.read(block);
      const part = block.subarray(
        Math.max(0, offset - position),
        Math.max(0, Math.min(length, offset + size - position)),
      );
      if (part.length > 0 && !isZero(part)) await file.write(part, 0, part.length, Math.max(0, position - offset));
      position += length;
      progress?.(position, undefined);
      if (length < blockSize) return position;
    }
  } finally {
    await file.close();
  }
}
