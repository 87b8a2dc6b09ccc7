import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { UserError } from "../../../stacks/user-error.ts";
import type { FoundSnapshot } from "./find-snapshot.ts";
import type { KnownBlocks } from "./known-blocks.ts";
import { blockSize, type BlockDigests } from "./server-files.ts";

/** Blocks that are asked for at once: 4 MB, what a broken connection loses. */
const blocksAtOnce = 64;

export interface Fetching {
  readonly known: KnownBlocks;
  readonly signal: AbortSignal;
  /** Called with each piece, in order. */
  readonly onPiece: (piece: Buffer) => void;
  /** @param done bytes, those that lay here included */
  readonly onProgress: (done: number, total: number) => void;
}

export interface Fetched {
  readonly bytes: number;
  readonly sha256: string;
  /** Of these, how many came over the link; the others lay here. */
  readonly transferred: number;
}

/**
 * Writes a snapshot into a file: the blocks that lie here from there, the others from the server.
 * @throws UserError where something else arrives than the server has
 */
export async function fetchSnapshot(
  { endpoint, files, snapshot }: FoundSnapshot,
  file: FileHandle,
  { known, signal, onPiece, onProgress }: Fetching,
): Promise<Fetched> {
  const there = await files.digest(snapshot.name);
  const hash = createHash("sha256");
  let [done, transferred] = [0, 0];
  for (const stretch of stretches(there, known)) {
    signal.throwIfAborted();
    const missing = stretch.filter(({ digest }) => !known.has(digest));
    const bytes =
      missing.length === 0
        ? Buffer.alloc(0)
        : await files.read(
            snapshot.name,
            missing.map(({ block }) => block),
          );
    const came = splitBlocks(bytes, missing);
    transferred += bytes.length;
    for (const { block, digest } of stretch) {
      const piece = came.get(block) ?? (await known.read(digest));
      if (createHash("sha256").update(piece).digest("hex") !== digest) throw damaged(snapshot.name, endpoint.node);
      hash.update(piece);
      onPiece(piece);
      await file.writeFile(piece);
      done += piece.length;
    }
    onProgress(done, there.bytes);
  }
  const sha256 = hash.digest("hex");
  if (done !== there.bytes || sha256 !== there.sha256) throw damaged(snapshot.name, endpoint.node);
  return { bytes: done, sha256, transferred };
}

interface Block {
  readonly block: number;
  readonly digest: string;
}

/** Cuts a file into stretches of blocks of which as many are missing as are asked for at once. */
function* stretches({ blocks }: BlockDigests, known: KnownBlocks): Generator<readonly Block[]> {
  let stretch: Block[] = [];
  let missing = 0;
  for (const [block, digest] of blocks.entries()) {
    stretch.push({ block, digest });
    missing += Number(!known.has(digest));
    if (missing < blocksAtOnce) continue;
    yield stretch;
    [stretch, missing] = [[], 0];
  }
  if (stretch.length > 0) yield stretch;
}

function splitBlocks(bytes: Buffer, blocks: readonly Block[]): Map<number, Buffer> {
  return new Map(
    blocks.map(({ block }, index) => [block, bytes.subarray(index * blockSize, (index + 1) * blockSize)] as const),
  );
}

function damaged(name: string, node: string): UserError {
  return new UserError({
    what: `${name} does not arrive as it is there; no backup was made`,
    where: node,
    next: "run this again; if it happens again, check the node's memory and its disk",
  });
}
