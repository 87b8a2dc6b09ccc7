import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { open, type FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from "node:zlib";
import { UserError } from "../user-error.ts";
import { countUsed } from "./chunk-memory.ts";
import { commandEnvironment, commandError } from "./command.ts";

/** A disk image from its beginning to its end, decompressed as it is read: a few MB of memory whatever its size. */
export interface ImageReader {
  /** Bytes of the whole image, where that is known before it is read: it isn't for a compressed one. */
  readonly size: number | undefined;
  /** Fills the buffer. @returns the bytes read: fewer than asked for only at the image's end */
  read(into: Buffer): Promise<number>;
  /** Ends reading, before the image's end too. */
  close(): Promise<void>;
}

/** Told by their first bytes, since a name may say anything. */
const formats: readonly { readonly magic: Buffer; readonly decompress: (file: FileHandle, path: string) => Chunks }[] =
  [
    { magic: Buffer.from("fd377a585a00", "hex"), decompress: unxz }, // The .xz File Format 1.2.1, 2.1.1.1
    { magic: Buffer.from("28b52ffd", "hex"), decompress: unzstd }, // RFC 8878, 3.1.1
    { magic: Buffer.from("1f8b", "hex"), decompress: gunzip }, // RFC 1952, 2.3.1
  ];

type Chunks = AsyncGenerator<Buffer, void, undefined>;

/**
 * Opens a base image: a disk image as it is, or one compressed by xz, zstd or gzip.
 * @throws UserError, from `read` too, when the file can't be read, is cut short or damaged
 */
export async function openImage(path: string): Promise<ImageReader> {
  const file = await openFile(path);
  try {
    const start = Buffer.alloc(6);
    await fill(file, start, 0);
    const format = formats.find(({ magic }) => start.subarray(0, magic.length).equals(magic));
    return format === undefined ? await plainReader(file) : chunkReader(file, format.decompress(file, path));
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const file = await open(path);
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (error) {
    throw unreadable(path, error instanceof Error ? error.message : String(error), { cause: error });
  }
  throw unreadable(path, "it is no file");
}

/** @param why what the system said */
export function unreadable(path: string, why: string, options?: ErrorOptions): UserError {
  const next = "put the base image there, or correct image.file in the site's config";
  return new UserError({ what: `can't be read (${why})`, where: path, next }, options);
}

async function plainReader(file: FileHandle): Promise<ImageReader> {
  let position = 0;
  return {
    size: (await file.stat()).size,
    read: async (into) => {
      const length = await fill(file, into, position);
      position += length;
      return length;
    },
    close: () => file.close(),
  };
}

/** Reads until the buffer is full or the file ends. */
export async function fill(file: FileHandle, into: Buffer, position: number): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await file.read(into, filled, into.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

function chunkReader(file: FileHandle, chunks: Chunks): ImageReader {
  let chunk: Buffer = Buffer.alloc(0);
  let taken = 0;
  return {
    size: undefined,
    read: async (into) => {
      let filled = 0;
      while (filled < into.length) {
        if (taken === chunk.length) {
          countUsed(chunk.length);
          const next = await chunks.next();
          if (next.done === true) break;
          chunk = next.value;
          taken = 0;
        }
        const copied = chunk.copy(into, filled, taken);
        taken += copied;
        filled += copied;
      }
      return filled;
    },
    close: async () => {
      await chunks.return();
      await file.close();
    },
  };
}

/** By the xz program: Node has none, and those in JavaScript are not kept up. */
async function* unxz(file: FileHandle, path: string): Chunks {
  // One thread: more would each hold a block of the image, without a bound.
  const child = spawn("xz", ["--decompress", "--stdout", "--threads=1"], {
    stdio: [file.fd, "pipe", "pipe"],
    env: commandEnvironment(),
  }) as ChildProcessByStdio<null, Readable, Readable>;
  const started = once(child, "spawn");
  const ended = once(child, "close");
  ended.catch(() => undefined); // An error is that of `started`.
  try {
    await started.catch((error: unknown) => {
      throw commandError("xz", error as NodeJS.ErrnoException);
    });
    const errors = text(child.stderr);
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const [code] = (await ended) as [number | null];
    if (code !== 0) throw damaged(path, (await errors).trim());
  } finally {
    child.kill("SIGKILL");
  }
}

function unzstd(file: FileHandle, path: string): Chunks {
  return unzip(file, path, createZstdDecompress({ chunkSize }));
}

function gunzip(file: FileHandle, path: string): Chunks {
  return unzip(file, path, createGunzip({ chunkSize }));
}

const chunkSize = 1 << 18;

async function* unzip(file: FileHandle, path: string, decompressor: Gunzip | ZstdDecompress): Chunks {
  const { size } = await file.stat();
  const feeding = feed(file, decompressor);
  try {
    for await (const chunk of decompressor) yield chunk as Buffer;
  } catch (error) {
    if (error instanceof Error) throw damaged(path, error.message, { cause: error });
    throw error;
  } finally {
    decompressor.destroy();
    await feeding; // Its last read is over before the file is closed.
  }
  // Node's decoder ends with the first zstd frame and passes over what follows, without an error (seen with 24.21).
  if (decompressor.bytesWritten < size)
    throw damaged(
      path,
      `after ${decompressor.bytesWritten} of ${size} bytes its first frame ends, and only one is read`,
    );
}

/** Hands a file to a decompressor through one piece of memory. Failures are the decompressor's. */
async function feed(file: FileHandle, decompressor: Gunzip | ZstdDecompress): Promise<void> {
  const input = Buffer.allocUnsafeSlow(chunkSize);
  // One that fails or is ended says nothing of what it was given last.
  const closed = new Promise<void>((resolve) => decompressor.once("close", resolve));
  try {
    for (let position = 0, length = -1; length !== 0; position += length) {
      length = await fill(file, input, position);
      if (decompressor.destroyed) return;
      if (length > 0) await Promise.race([closed, taken(decompressor, input.subarray(0, length))]);
    }
    decompressor.end();
  } catch (error) {
    decompressor.destroy(error instanceof Error ? error : undefined);
  }
}

/** Resolves when the decompressor is done with the input. */
async function taken(decompressor: Gunzip | ZstdDecompress, input: Buffer): Promise<void> {
  await new Promise<void>((resolve) => {
    decompressor.write(input, () => {
      resolve();
    });
  });
}

function damaged(path: string, why: string, options?: ErrorOptions): UserError {
  return new UserError(
    {
      what: `can't be decompressed: ${why}`,
      where: path,
      next: "download it again and check its sha256, or decompress it by hand and name the .img with its own sha256",
    },
    options,
  );
}
