/** Bytes of a card that are read, written and compared at a time; the first ones, which hold the partition table, come last. */
export const blockSize = 1 << 20;

const zeros = Buffer.alloc(blockSize);

/** Whether a block, or less, holds nothing but zeros. */
export function isZero(bytes: Buffer): boolean {
  return bytes.equals(bytes.length === blockSize ? zeros : zeros.subarray(0, bytes.length));
}
