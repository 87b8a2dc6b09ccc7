export interface Partition {
  /** The partition type's number. */
  readonly type: number;
  /** Bytes from the beginning of the disk. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** Bytes of a disk that hold its master boot record. */
export const bootRecordSize = 512;

const sectorSize = 512;
const tableAt = 446;
const entrySize = 16;
const fatTypes: readonly number[] = [0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e];

/** The primary partitions that a master boot record lists, in its order; undefined where the bytes are none. */
export function parsePartitionTable(record: Uint8Array): Partition[] | undefined {
  if (record.length < bootRecordSize || record[510] !== 0x55 || record[511] !== 0xaa) return undefined;
  const view = new DataView(record.buffer, record.byteOffset, bootRecordSize);
  return [0, 1, 2, 3]
    .map((index) => {
      const at = tableAt + index * entrySize;
      return {
        type: view.getUint8(at + 4),
        offset: view.getUint32(at + 8, true) * sectorSize,
        size: view.getUint32(at + 12, true) * sectorSize,
      };
    })
    .filter(({ type, size }) => type !== 0 && size > 0);
}

export function isFat({ type }: Partition): boolean {
  return fatTypes.includes(type);
}
