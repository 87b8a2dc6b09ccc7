import { createHash, type Hash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { copyFile, open, rename, rm, type FileHandle } from "node:fs/promises";
import { Writable } from "node:stream";
import { promisify } from "node:util";
import { inflate } from "node:zlib";
import { z } from "zod";

const unpack = promisify(inflate);
const headerSchema = z.object({ start: z.int().min(0), size: z.int().min(0), sha256: z.string() });
/** Bytes before a piece: how it is packed, and its packed length (read-journals.py). */
const prefixLength = 5;

/** How much of a file has arrived, and the digest of that. */
export interface Arrived {
  readonly size: number;
  readonly sha256: string;
}

/**
 * A file on its way from a node, in <file>.arriving until it is whole: what came of it before a link broke is kept, and so is
 * what lies in the file itself of an earlier copy.
 */
export class ArrivingFile {
  readonly #file: string;
  readonly #part: string;

  constructor(file: string) {
    this.#file = file;
    this.#part = `${file}.arriving`;
  }

  async arrived(): Promise<Arrived> {
    if (!existsSync(this.#part)) {
      if (!existsSync(this.#file)) return { size: 0, sha256: createHash("sha256").digest("hex") };
      await copyFile(this.#file, this.#part);
    }
    const { hash, size } = await hashOf(this.#part);
    return { size, sha256: hash.digest("hex") };
  }

  /**
   * Takes what read-journals.py sends, and gives the file its name once all of it is there.
   * @param receive lets it be sent to a stream; rejects where it breaks off
   * @returns false where what arrived is not what was sent: nothing is left of it then
   */
  async receive(receive: (stream: Writable) => Promise<void>): Promise<boolean> {
    const receiver = new Receiver(this.#part);
    try {
      await receive(receiver.stream);
      if (await receiver.isWhole()) {
        await rename(this.#part, this.#file);
        return true;
      }
    } finally {
      await receiver.close();
    }
    await rm(this.#part, { force: true });
    return false;
  }
}

class Receiver {
  readonly stream: Writable;
  readonly #part: string;
  #pending: Buffer[] = [];
  /** Bytes that the next line or piece takes before it can be read. */
  #wanted = 1;
  #state: { handle: FileHandle; hash: Hash; written: number; size: number; sha256: string } | undefined;

  constructor(part: string) {
    this.#part = part;
    this.stream = new Writable({
      write: (data: Buffer, _encoding, done) => {
        this.#take(data).then(
          () => {
            done();
          },
          (error: unknown) => {
            done(error as Error);
          },
        );
      },
    });
    // Whoever writes to it is told as well, and ends.
    this.stream.on("error", () => undefined);
  }

  async isWhole(): Promise<boolean> {
    const state = this.#state;
    if (state === undefined || lengthOf(this.#pending) > 0 || state.written !== state.size) return false;
    await state.handle.sync();
    return state.hash.digest("hex") === state.sha256;
  }

  async close(): Promise<void> {
    this.stream.destroy();
    await this.#state?.handle.close();
  }

  async #take(data: Buffer): Promise<void> {
    this.#pending.push(data);
    if (lengthOf(this.#pending) < this.#wanted) return;
    let rest: Buffer = Buffer.concat(this.#pending);
    if (this.#state === undefined) {
      const end = rest.indexOf("\n");
      if (end === -1) return;
      await this.#open(headerSchema.parse(JSON.parse(rest.subarray(0, end).toString())));
      rest = rest.subarray(end + 1);
    }
    for (;;) {
      this.#wanted = rest.length < prefixLength ? prefixLength : prefixLength + rest.readUInt32BE(1);
      if (rest.length < this.#wanted) break;
      const packed = rest.subarray(prefixLength, this.#wanted);
      await this.#write(rest[0] === 0 ? packed : await unpack(packed));
      rest = rest.subarray(this.#wanted);
    }
    this.#pending = rest.length === 0 ? [] : [rest];
  }

  async #open({ start, size, sha256 }: z.infer<typeof headerSchema>): Promise<void> {
    const handle = await open(this.#part, start === 0 ? "w" : "r+");
    await handle.truncate(start);
    const { hash } = start === 0 ? { hash: createHash("sha256") } : await hashOf(this.#part);
    this.#state = { handle, hash, written: start, size, sha256 };
  }

  async #write(piece: Buffer): Promise<void> {
    const state = this.#state;
    if (state === undefined) throw new Error("a piece before its header");
    await state.handle.write(piece, 0, piece.length, state.written);
    state.hash.update(piece);
    state.written += piece.length;
  }
}

function lengthOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

async function hashOf(file: string): Promise<{ hash: Hash; size: number }> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(piece as Buffer);
    size += (piece as Buffer).length;
  }
  return { hash, size };
}
