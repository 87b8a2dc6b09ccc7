import { execFileSync } from "node:child_process";
import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from "node:fs";

export interface Entry {
  readonly type: number;
  readonly start: number;
  readonly count: number;
}

/** A master boot record with these partitions, in sectors. */
export function bootRecord(entries: readonly Entry[]): Buffer {
  const record = Buffer.alloc(512);
  for (const [index, { type, start, count }] of entries.entries()) {
    const at = 446 + index * 16;
    record.writeUInt8(type, at + 4);
    record.writeUInt32LE(start, at + 8);
    record.writeUInt32LE(count, at + 12);
  }
  record.writeUInt16LE(0xaa55, 510);
  return record;
}

// 40 MiB in clusters of one sector: nearly the smallest FAT32 there can be.
const boot = { type: 0x0c, start: 8192, count: 81920 };
/** The second partition, in sectors. */
export const rootPartition = { type: 0x83, start: boot.start + boot.count, count: 65536 };

/** Where mtools finds the boot partition of an image made here. */
export const bootOffset = boot.start * 512;

const environment = {
  PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin`,
  TZ: "UTC",
  SOURCE_DATE_EPOCH: "0",
  MTOOLSRC: "/dev/null",
};

/** A sparse disk image laid out like Raspberry Pi OS's: an MBR, FAT32, and a second partition that is never read. */
export function makeExampleImage(path: string, files: Readonly<Record<string, string>>): void {
  writeFileSync(path, bootRecord([boot, rootPartition]));
  truncateSync(path, (rootPartition.start + rootPartition.count) * 512);
  const format = [
    "-F",
    "32",
    "-s",
    "1",
    "-i",
    "42524d42",
    "--offset",
    String(boot.start),
    path,
    String(boot.count / 2),
  ];
  execFileSync("mkfs.vfat", format, { env: environment, stdio: "pipe" });
  for (const [name, content] of Object.entries(files))
    execFileSync("mcopy", ["-i", `${path}@@${bootOffset}`, "-", `::${name}`], { env: environment, input: content });
}

/** What Raspberry Pi OS Lite's boot partition is known by. */
export const raspberryPiOs: Readonly<Record<string, string>> = {
  "issue.txt":
    "Raspberry Pi reference 2025-12-04\nGenerated using pi-gen, https://github.com/RPi-Distro/pi-gen, 0123456, stage2\n",
  "cmdline.txt": "console=tty1 rootwait\n",
  "config.txt": "[all]\narm_64bit=1\n",
  "user-data": "old\n",
  "meta-data": "old\n",
  "network-config": "old\n",
  "kernel_2712.img": "kernel",
  "kernel8.img": "kernel",
};

/** Fills MiBs of the second partition with bytes that don't compress and are the same each time. */
export function fillRootPartition(path: string, mebibytes: number): void {
  const file = openSync(path, "r+");
  let state = 1;
  const block = new Uint32Array(1 << 18);
  for (let done = 0; done < mebibytes; done++) {
    for (let index = 0; index < block.length; index++) {
      // xorshift32 (Marsaglia, 2003)
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      block[index] = state;
    }
    writeSync(file, block, 0, block.byteLength, rootPartition.start * 512 + done * block.byteLength);
  }
  closeSync(file);
}

/** A file of an image's boot partition, read without the code under test. */
export function readFromImage(path: string, name: string): string {
  return execFileSync("mcopy", ["-i", `${path}@@${bootOffset}`, `::${name}`, "-"], {
    env: environment,
    encoding: "utf8",
  });
}
