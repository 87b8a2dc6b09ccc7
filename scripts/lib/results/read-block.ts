import { createHash } from "node:crypto";
import { readJournal, type ExpectedJournal } from "./journal.ts";
import { readLines } from "./read-lines.ts";
import { digester, type BlockDigest } from "./run-digest.ts";

/** A journal's file, and what it has to belong to. */
export interface BlockFile {
  readonly file: string;
  readonly expected: ExpectedJournal;
}

export interface ReadBlock {
  /** Of the bytes that were parsed. */
  readonly sha256: string;
  readonly digest: BlockDigest;
}

/** Reads a block's journal and reduces it, run by run: nothing of its size is ever held. */
export function readBlock({ file, expected }: BlockFile): ReadBlock {
  const hash = createHash("sha256");
  const lines = readLines(file, (bytes) => hash.update(bytes));
  const digest = readJournal(lines, expected, digester);
  return { sha256: hash.digest("hex"), digest };
}
