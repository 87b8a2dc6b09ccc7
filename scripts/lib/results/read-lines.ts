import { closeSync, openSync, readSync } from "node:fs";

const piece = 1 << 20;
const lineEnd = 0x0a;

/**
 * A file's lines, with their line ends, however large the file is. (Node's readline also ends lines at U+2028 and at a lone carriage
 * return, and NDJSON may hold the first as it is.)
 * @param seen is given all of the file's bytes, in pieces that are only good until it returns
 */
export function* readLines(file: string, seen: (bytes: Uint8Array) => unknown): Generator<string> {
  const descriptor = openSync(file, "r");
  try {
    let buffer = Buffer.allocUnsafe(piece);
    let held = 0;
    for (;;) {
      const read = readSync(descriptor, buffer, held, buffer.length - held, null);
      if (read === 0) break;
      const filled = buffer.subarray(0, held + read);
      seen(filled.subarray(held));
      let from = 0;
      for (let end = filled.indexOf(lineEnd, held); end !== -1; end = filled.indexOf(lineEnd, from)) {
        yield filled.toString("utf8", from, end + 1);
        from = end + 1;
      }
      held = filled.length - from;
      const larger = held === buffer.length ? Buffer.allocUnsafe(2 * buffer.length) : buffer;
      filled.copy(larger, 0, from);
      buffer = larger;
    }
    if (held > 0) yield buffer.toString("utf8", 0, held);
  } finally {
    closeSync(descriptor);
  }
}
