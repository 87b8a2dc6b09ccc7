import { open } from "node:fs/promises";
import { bootRecordSize, isFat, type Partition, parsePartitionTable } from "../stacks/cards/partition-table.ts";

/** The two partitions of a card, as on Raspberry Pi OS: FAT with the boot files, ext4 with the system. */
export interface CardLayout {
  readonly boot: Partition;
  readonly root: Partition;
}

/** The partition types of Raspberry Pi OS: FAT32 with sector numbers, Linux. */
export const partitionTypes = { boot: 0x0c, root: 0x83 } as const;

const sector = 512;

/** The master boot record (one sector) of a card. `diskId` is the 32-bit signature that PARTUUIDs begin with. */
export function renderBootRecord({ boot, root }: CardLayout, diskId: number): Buffer {
  const record = Buffer.alloc(bootRecordSize);
  record.writeUInt32LE(diskId, 440);
  for (const [index, { type, offset, size }] of [boot, root].entries()) {
    const entry = 446 + 16 * index;
    // Cylinder, head and sector "beyond reach": every reader falls back to the sector numbers that follow.
    record.set([0x00, 0xfe, 0xff, 0xff, type, 0xfe, 0xff, 0xff], entry);
    record.writeUInt32LE(offset / sector, entry + 8);
    record.writeUInt32LE(size / sector, entry + 12);
  }
  record.writeUInt16LE(0xaa55, 510);
  return record;
}

/** The layout of a card image file. Throws if it has no FAT and Linux partition. */
export async function readCardLayout(card: string): Promise<CardLayout> {
  const file = await open(card, "r");
  try {
    const record = Buffer.alloc(bootRecordSize);
    await file.read(record, 0, record.length, 0);
    const partitions = parsePartitionTable(record) ?? [];
    const boot = partitions.find(isFat);
    const root = partitions.find(({ type }) => type === partitionTypes.root);
    if (boot === undefined || root === undefined) throw new Error(`${card} has no FAT and Linux partition`);
    return { boot, root };
  } finally {
    await file.close();
  }
}
