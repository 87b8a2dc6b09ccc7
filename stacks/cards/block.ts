/** Bytes at a card's beginning, with the partition table, that are written last. */
export const startSize = 1 << 20;

/** Bytes of a card that are read, written and compared at a time: with fewer, changing threads takes longer than the work. */
export const blockSize = 4 << 20;

const zeros = Buffer.alloc(blockSize);

/** Whether a block, or less, holds nothing but zeros. */
export function isZero(bytes: Buffer): boolean {
  return bytes.equals(bytes.length === blockSize ? zeros : zeros.subarray(0, bytes.length));
}

// Node has it; its types don't.
declare const WebAssembly: {
  readonly Memory: new (pages: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};
const webAssemblyPage = 1 << 16;

/**
 * Buffers of a block each that begin at a page's boundary, where the kernel copies twice as fast as to where Node's own
 * buffers begin (measured). Only WebAssembly gives such memory.
 */
export function allocateBlocks(count: number): Buffer[] {
  const { buffer } = new WebAssembly.Memory({ initial: (count * blockSize) / webAssemblyPage });
  return Array.from({ length: count }, (_, index) => Buffer.from(buffer, index * blockSize, blockSize));
}
