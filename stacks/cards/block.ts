/** Bytes at a card's beginning, with the partition table, that are written last. */
export const startSize = 1 << 20;

/** Bytes of a card that are read, written and compared at a time: with fewer, changing threads takes longer than the work. */
export const blockSize = 4 << 20;

const zeros = Buffer.alloc(blockSize);

/** Whether a block, or less, holds nothing but zeros. */
export function isZero(bytes: Buffer): boolean {
  return bytes.equals(bytes.length === blockSize ? zeros : zeros.subarray(0, bytes.length));
}
