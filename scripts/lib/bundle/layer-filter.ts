import { extract, type Header } from "tar-stream";
import { codeOf } from "../../../stacks/download.ts";

/** Takes chunks and gives them out again in pieces of any length. */
class ByteQueue {
  readonly #chunks: Buffer[] = [];

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  *take(length: number): Generator<Buffer, void> {
    for (let left = length; left > 0;) {
      const [first] = this.#chunks;
      if (first === undefined) return;
      const piece = first.subarray(0, left);
      if (piece.length === first.length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(left);
      left -= piece.length;
      yield piece;
    }
  }
}

/** What became of an entry. */
export interface LayerEntry {
  readonly name: string;
  /** Where a hard link leads. */
  readonly linkname: string | undefined;
  readonly bytes: number;
  readonly left: boolean;
}

const block = 512;

/**
 * A tar archive without some of its entries. Those that stay are the same bytes as before, headers and all: tar-stream, which
 * knows the dialects of tar, says where an entry begins and ends, and nothing is written anew. (Its own writer would lose
 * binary attributes such as file capabilities.) Memory does not grow with the archive.
 * @param leaveOut by an entry's whole name
 * @param seen called for each entry
 * @throws Error when it is no tar archive, or cut short
 */
export async function* withoutEntries(
  source: AsyncIterable<Buffer>,
  leaveOut: (name: string) => boolean,
  seen: (entry: LayerEntry) => void = () => undefined,
): AsyncGenerator<Buffer, void> {
  const queue = new ByteQueue();
  const entries = extract();
  const feeding = feed(source, queue, entries);
  let position = 0;
  const advance = (length: number) => {
    position += length;
    return queue.take(length);
  };
  // An entry's padding is known to be here only with what comes next.
  let previous = { end: 0, left: false };
  try {
    for await (const entry of entries) {
      const { name, linkname, type, byteOffset } = entry.header as Header & { readonly byteOffset: number };
      for (const piece of advance(previous.end - position)) if (!previous.left) yield piece;
      const left = leaveOut(name);
      const headers = Buffer.concat([...advance(byteOffset - position)]);
      yield left ? globalHeader(headers) : headers;
      // A directory has no content; where its header gives a size all the same, the entry would not end.
      if (type !== "directory")
        for await (const chunk of entry as AsyncIterable<Buffer>)
          for (const piece of advance(chunk.length)) if (!left) yield piece;
      seen({
        name,
        linkname: type === "link" ? linkname : undefined,
        bytes: position - byteOffset,
        left,
      });
      previous = { end: byteOffset + padded(position - byteOffset), left };
    }
    await feeding;
    for (const piece of advance(previous.end - position)) if (!previous.left) yield piece;
    yield* queue.take(Infinity);
  } catch (error) {
    // The end of what it reads is a destroyed stream to an entry that waits for more.
    if (codeOf(error) === "STREAM_DESTROYED") throw new Error("the archive is cut short", { cause: error });
    throw error;
  } finally {
    entries.destroy();
    await feeding;
  }
}

/** A pax header that stands before an entry and is not its own: it holds for all that follow (POSIX.1-2017, pax, typeflag g). */
function globalHeader(headers: Buffer): Buffer {
  if (headers[156] !== "g".charCodeAt(0)) return Buffer.alloc(0);
  return headers.subarray(0, block + padded(Number.parseInt(headers.toString("latin1", 124, 136), 8)));
}

function padded(length: number): number {
  return Math.ceil(length / block) * block;
}

async function feed(source: AsyncIterable<Buffer>, queue: ByteQueue, entries: ReturnType<typeof extract>) {
  try {
    for await (const chunk of source) {
      queue.push(chunk);
      if (!entries.write(chunk)) await drained(entries);
      if (entries.destroyed) return;
    }
    entries.end(null);
  } catch (error) {
    entries.destroy(error as Error);
  }
}

async function drained(entries: ReturnType<typeof extract>): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      entries.off("drain", done).off("close", done);
      resolve();
    };
    entries.on("drain", done).on("close", done);
  });
}
