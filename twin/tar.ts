import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

/** One entry of an archive. Owners are root and times 0, so that equal entries are equal bytes. */
export type TarEntry = { readonly path: string } & (
  | { readonly kind: "file"; readonly mode: number; readonly content: Buffer | { readonly file: string } }
  | { readonly kind: "directory"; readonly mode: number }
  | { readonly kind: "symlink"; readonly to: string }
);

const block = 512;

/** Writes a POSIX ustar archive. Returns the SHA-256 of its bytes, in hexadecimal. */
export async function writeTar(file: string, entries: readonly TarEntry[]): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(async function* () {
    for await (const bytes of bytesOf(entries)) {
      hash.update(bytes);
      yield bytes;
    }
  }, createWriteStream(file));
  return hash.digest("hex");
}

async function* bytesOf(entries: readonly TarEntry[]): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    const size = await sizeOf(entry);
    yield header(entry, size);
    let written = 0;
    for await (const bytes of contentOf(entry)) {
      written += bytes.length;
      yield bytes;
    }
    if (written !== size) throw new Error(`${entry.path} changed from ${size} to ${written} bytes while it was read`);
    yield Buffer.alloc((block - (size % block)) % block);
  }
  yield Buffer.alloc(2 * block);
}

async function sizeOf(entry: TarEntry): Promise<number> {
  if (entry.kind !== "file") return 0;
  return Buffer.isBuffer(entry.content) ? entry.content.length : (await stat(entry.content.file)).size;
}

async function* contentOf(entry: TarEntry): AsyncGenerator<Buffer> {
  if (entry.kind !== "file") return;
  if (Buffer.isBuffer(entry.content)) yield entry.content;
  else yield* createReadStream(entry.content.file, { highWaterMark: 1024 ** 2 }) as AsyncIterable<Buffer>;
}

const typeFlags = { file: "0", symlink: "2", directory: "5" } as const;

/** The ustar header (POSIX.1-2017, pax: "ustar Interchange Format"). */
function header(entry: TarEntry, size: number): Buffer {
  const bytes = Buffer.alloc(block);
  const text = (value: string, offset: number, length: number) => {
    if (Buffer.byteLength(value) > length) throw new Error(`${value} is too long for a tar header`);
    bytes.write(value, offset);
  };
  const octal = (value: number, offset: number, length: number) => {
    text(value.toString(8).padStart(length - 1, "0"), offset, length - 1);
  };
  text(entry.kind === "directory" ? `${entry.path}/` : entry.path, 0, 100);
  octal(entry.kind === "symlink" ? 0o777 : entry.mode, 100, 8);
  octal(0, 108, 8); // owner
  octal(0, 116, 8); // group
  octal(size, 124, 12);
  octal(0, 136, 12); // modification time
  bytes.fill(" ", 148, 156); // the checksum counts itself as spaces
  text(typeFlags[entry.kind], 156, 1);
  if (entry.kind === "symlink") text(entry.to, 157, 100);
  text("ustar\0" + "00", 257, 8);
  const checksum = bytes.reduce((sum, byte) => sum + byte, 0);
  bytes.write(`${checksum.toString(8).padStart(6, "0")}\0 `, 148);
  return bytes;
}
