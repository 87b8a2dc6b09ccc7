import { createCipheriv, randomBytes } from "node:crypto";
import { UserError } from "../user-error.ts";
import { allocateBlocks, isZero, startSize } from "./block.ts";
import type { CardTarget } from "./card-target.ts";
import type { ImageReader } from "./image-reader.ts";

/** Bytes after which what was written is flushed, so that progress means the disk, not the memory before it. */
const flushEvery = 256 << 20;

/** What was written of an image. */
interface Copied {
  /** Bytes of the whole image. */
  readonly size: number;
  readonly blocks: readonly WrittenBlock[];
}

interface WrittenBlock {
  /** Bytes from the card's beginning. */
  readonly position: number;
  readonly length: number;
  readonly tag: Buffer;
}

/**
 * Writes an image but for its start, which was read before. Blocks of zeros become holes in a new file: they take no room on
 * the disk, and there is nothing of them to read back.
 * @param progress gets the bytes written, the start among them
 */
export async function copyImage(
  reader: ImageReader,
  target: CardTarget,
  progress: (done: number) => void,
): Promise<Copied> {
  const blocks: WrittenBlock[] = [];
  let size = startSize;
  let unflushed = 0;
  let written = Promise.resolve();
  let flushed = Promise.resolve();
  try {
    for (const buffer of inTurn()) {
      const block = buffer.subarray(0, await reader.read(buffer));
      if (block.length === 0) break;
      await written;
      if (!(target.blank && isZero(block))) {
        written = awaitedLater(target.write(block, size));
        blocks.push({ position: size, length: block.length, tag: tagOf(block) });
      }
      size += block.length;
      unflushed += block.length;
      if (unflushed >= flushEvery) {
        unflushed = 0;
        await flushed;
        flushed = awaitedLater(target.flush());
      }
      progress(size);
    }
    await Promise.all([written, flushed]);
  } finally {
    // Nothing may still be under way when the target is closed.
    await Promise.allSettled([written, flushed]);
  }
  return { size, blocks };
}

/**
 * Reads back what {@link copyImage} wrote, and compares it.
 * @throws UserError at the first block that reads back differently
 */
export async function compareImage(
  { size, blocks }: Copied,
  target: CardTarget,
  label: string,
  progress: (done: number) => void,
): Promise<void> {
  const buffers = inTurn();
  const read = async (wanted: WrittenBlock | undefined): Promise<Buffer> => {
    const block = buffers.next().value.subarray(0, wanted?.length ?? 0);
    if (wanted !== undefined) await target.read(block, wanted.position);
    return block;
  };
  let reading = read(blocks[0]);
  try {
    for (const [index, { position, length, tag }] of blocks.entries()) {
      const block = await reading;
      reading = awaitedLater(read(blocks[index + 1]));
      if (!tagOf(block).equals(tag)) throw otherBytes(label, position);
      progress(position + length);
    }
    progress(size);
  } finally {
    await reading.catch(() => undefined);
  }
}

/**
 * Two buffers by turns: one is read into while the other is written or compared. Not more: the kernel does the writes to a
 * file one by one, and reads ahead by itself as long as it is read in order (both slower with four, measured).
 */
function* inTurn(): Generator<Buffer, never> {
  const buffers = allocateBlocks(2);
  for (;;) yield* buffers;
}

/** @param position bytes from the card's beginning */
export function otherBytes(label: string, position: number): UserError {
  return new UserError({
    what: `reads back other bytes than were written, near byte ${position}`,
    where: label,
    next: "write it again; if it happens again, the card, its reader or this machine's memory is faulty",
  });
}

const key = randomBytes(16);
const nonce = Buffer.alloc(12);

/**
 * A block's tag by GMAC (NIST SP 800-38D, 3): two different blocks share it once in 2^107 keys, and it costs a tenth of SHA-256's
 * time, which would be longer than the disk's own. The tags never leave this process, so the one nonce tells nobody anything.
 */
function tagOf(block: Buffer): Buffer {
  const cipher = createCipheriv("aes-128-gcm", key, nonce);
  cipher.setAAD(block);
  cipher.final();
  return cipher.getAuthTag();
}

/** A failure counts when it is awaited, and is no unhandled one until then. */
function awaitedLater<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
