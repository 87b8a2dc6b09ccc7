import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress } from "node:zlib";
import { $ } from "zx";
import { bootRecordSize } from "../../stacks/cards/partition-table.ts";

const mebibyte = 1 << 20;
const sector = 512;
// As on Raspberry Pi OS: a boot partition of 512 MiB, of which about 80 are in use.
const boot = { type: 0x0c, offset: 8 * mebibyte, size: 512 * mebibyte };
const firmware = 80 * mebibyte;

/** What a card's seed and edits need on the boot partition. */
const files: Readonly<Record<string, string>> = { "cmdline.txt": "console=tty1 rootwait\n", "config.txt": "[all]\n" };

/**
 * Makes a disk image laid out like Raspberry Pi OS's, with a body of random bytes.
 * @param image.size bytes, whole MiB
 * @param image.distinct MiB after which the body repeats itself, so that it can be compressed quickly
 */
export async function makeCardImage(
  image: { path: string; size: number; distinct?: number },
  signal: AbortSignal,
): Promise<void> {
  const { path, size, distinct = Infinity } = image;
  const shell = $({ quiet: true, signal, env: { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin` } });
  const root = { type: 0x83, offset: boot.offset + boot.size, size: size - boot.offset - boot.size };
  const file = await open(path, "wx");
  try {
    await file.truncate(size);
    await file.write(bootRecord([boot, root]), 0, bootRecordSize, 0);
    await shell`mkfs.vfat -F 32 --offset ${boot.offset / sector} ${path} ${boot.size / 1024}`;
    const drive = `${path}@@${boot.offset}`;
    for (const [name, text] of Object.entries(files)) await shell({ input: text })`mcopy -i ${drive} - ::${name}`;
    await shell({ input: randomBytes(firmware) })`mcopy -i ${drive} - ::firmware.bin`;
    const blocks: Buffer[] = [];
    for (let position = root.offset, index = 0; position < size; position += mebibyte, index++) {
      signal.throwIfAborted();
      const block = blocks[index % distinct] ?? randomBytes(mebibyte);
      if (index < distinct && distinct < Infinity) blocks.push(block);
      await file.write(block, 0, mebibyte, position);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

function bootRecord(partitions: readonly { type: number; offset: number; size: number }[]): Buffer {
  const record = Buffer.alloc(bootRecordSize);
  for (const [index, { type, offset, size }] of partitions.entries()) {
    const entry = 446 + 16 * index;
    record.writeUInt8(type, entry + 4);
    record.writeUInt32LE(offset / sector, entry + 8);
    record.writeUInt32LE(size / sector, entry + 12);
  }
  record.writeUInt16LE(0xaa55, bootRecordSize - 2);
  return record;
}

/** Compresses quickly, for a decoder that needs as much memory as for the strongest preset: `xz -9`, `zstd -19`. */
export const compressions = {
  xz: async (from: string, to: string, signal: AbortSignal) => {
    await $({ quiet: true, signal })`xz --threads=0 --lzma2=preset=0,dict=64MiB --stdout ${from} > ${to}`;
  },
  zst: async (from: string, to: string, signal: AbortSignal) => {
    const params = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: 23 };
    await pipeline(createReadStream(from), createZstdCompress({ params }), createWriteStream(to), { signal });
  },
} as const;
