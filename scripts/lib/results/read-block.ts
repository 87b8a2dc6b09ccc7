import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parseJournal, type ExpectedJournal } from "./journal.ts";
import { digestBlock, type BlockDigest } from "./run-digest.ts";

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

/** Reads a block's journal and reduces it: nothing of its size is kept. */
export async function readBlock({ file, expected }: BlockFile): Promise<ReadBlock> {
  const content = await readFile(file);
  const sha256 = createHash("sha256").update(content).digest("hex");
  return { sha256, digest: digestBlock(parseJournal(content.toString("utf8"), expected)) };
}
