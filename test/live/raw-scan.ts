import { open } from "node:fs/promises";
import { readCardLayout } from "../../twin/card-layout.ts";

const pieceBytes = 4 * 1024 ** 2;

/**
 * Looks for texts on a card's boot partition, byte by byte, in files or not: what is found here, a person with a card reader
 * finds.
 * @returns those of the texts that are there
 */
export async function findOnBootPartition(card: string, texts: readonly string[]): Promise<string[]> {
  const { boot } = await readCardLayout(card);
  const wanted = new Map(texts.map((text) => [text, Buffer.from(text)]));
  const overlap = Math.max(...texts.map((text) => Buffer.byteLength(text))) - 1;
  const found = new Set<string>();
  const file = await open(card, "r");
  try {
    const piece = Buffer.alloc(pieceBytes + overlap);
    for (let at = 0; at < boot.size; at += pieceBytes) {
      const length = Math.min(piece.length, boot.size - at);
      const { bytesRead } = await file.read(piece, 0, length, boot.offset + at);
      for (const [text, bytes] of wanted) if (piece.subarray(0, bytesRead).includes(bytes)) found.add(text);
    }
  } finally {
    await file.close();
  }
  return [...found];
}

/** The lines of a private key that say something: those in the middle of its PEM text. */
export function tellingLines(privateKey: string): string[] {
  const lines = privateKey.split("\n").filter((line) => line.length > 40 && !line.startsWith("-----"));
  // The first line says what kind of key it is, and is the same for every key of the kind.
  return lines.slice(1);
}
