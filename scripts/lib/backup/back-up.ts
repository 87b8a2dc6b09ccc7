import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { tokenGenerationOf } from "../../../stacks/k3s/token-problem.ts";
import { formatSize } from "../../../stacks/remote/format-size.ts";
import { UserError } from "../../../stacks/user-error.ts";
import type { Progress } from "../flash/progress.ts";
import { fetchSnapshot } from "./fetch-snapshot.ts";
import { findScheduled, removeOwn, takeSnapshot, type FoundSnapshot, type SnapshotSearch } from "./find-snapshot.ts";
import { KnownBlocks } from "./known-blocks.ts";
import { describeSite, manifestName, parseManifest, renderManifest, snapshotName } from "./manifest.ts";
import { TokenSearch } from "./token-search.ts";
import { makeWhole, writePrivately } from "./whole-directory.ts";

export interface BackupOptions extends SnapshotSearch {
  /** Holds one directory a site. */
  readonly directory: string;
  /** Takes no snapshot, and fetches the newest one that the servers took by themselves. */
  readonly latestScheduled: boolean;
  readonly progress: Progress;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/**
 * Fetches a snapshot of a site's cluster to <directory>/<site>/<time>, with a manifest that says what it is. Only what changed since
 * the last backup, or since one that was cut off, comes over the link.
 * @returns that directory, which is there as a whole or not at all
 * @throws UserError, NodeUnavailable
 */
export async function backUp(options: BackupOptions): Promise<string> {
  const { site, directory, now, latestScheduled, say } = options;
  const ofSite = join(directory, site.name);
  const target = join(ofSite, timeName(now()));
  await makeWhole(target, async (partial, leftovers) => {
    const known = new KnownBlocks();
    for (const place of [await newestIn(ofSite), ...leftovers])
      if (place !== undefined) await known.addFile(join(place, snapshotName));
    const found = await (latestScheduled ? findScheduled(options) : takeSnapshot(options));
    await copy(options, found, known, partial);
    if (latestScheduled) return;
    try {
      await removeOwn(options, found);
    } catch (error) {
      // The backup is made; the next one tries again.
      if (!(error instanceof UserError)) throw error;
      say(error.message);
    }
  });
  return target;
}

/** A moment as the name of a directory. */
function timeName(time: Date): string {
  return time
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(":", "-");
}

async function newestIn(directory: string): Promise<string | undefined> {
  const name = (await readdir(directory))
    .filter((one) => !one.startsWith("."))
    .toSorted()
    .at(-1);
  return name === undefined ? undefined : join(directory, name);
}

/** Writes the snapshot and its manifest. */
async function copy(options: BackupOptions, found: FoundSnapshot, known: KnownBlocks, partial: string): Promise<void> {
  const { site, keys, progress, say, signal } = options;
  const { endpoint, snapshot, look } = found;
  const { node } = endpoint;
  const time = new Date(snapshot.time * 1000).toISOString();
  say(`${node}: ${snapshot.name}, ${formatSize(snapshot.bytes)}, of ${time}`);
  if (look.version === null)
    throw new UserError({
      what: "there are snapshots, but no K3s that says its version",
      where: node,
      next: "see what became of its k3s binary, or take a backup from another server",
    });
  const search = new TokenSearch(keys.tokens);
  const { bytes, sha256, transferred } = await writePrivately(join(partial, snapshotName), (handle) =>
    fetchSnapshot(found, handle, {
      known,
      signal,
      onPiece: (piece) => {
        search.add(piece);
      },
      onProgress: (done, total) => {
        progress.show(`fetching from ${node}`, done, total);
      },
    }),
  );
  progress.clear();
  if (transferred < bytes) say(`  ${formatSize(bytes - transferred)} of it lay here already`);
  const manifest = renderManifest({
    schema: 1,
    ...describeSite(site, keys),
    k3sVersion: look.version,
    tokenGeneration: generationOf(options, found, search),
    server: node,
    snapshot: snapshot.name,
    time,
    bytes,
    sha256,
  });
  // What a restore would not read must not count as a backup.
  parseManifest(manifest, join(partial, manifestName));
  signal.throwIfAborted();
  await writePrivately(join(partial, manifestName), (handle) => handle.writeFile(manifest));
}

/** The generation of the token that a snapshot needs. @throws UserError where it is none that the site's keys have */
function generationOf(
  { keys }: BackupOptions,
  { endpoint, look, snapshot }: FoundSnapshot,
  search: TokenSearch,
): number {
  // A snapshot that holds nothing under any token's name was taken under the one that the server has.
  const generation = search.foundAny ? search.generation : tokenGenerationOf(keys.tokens, look.tokenDigest ?? "");
  if (generation !== undefined) return generation;
  throw new UserError({
    what: `${snapshot.name} needs a token that is none of this site's last ${keys.tokens.length}; no backup was made`,
    where: endpoint.node,
    next: "if k3s.tokenGeneration was lowered, raise it to what the cluster has; if the root secret is another one, restore it",
  });
}
