import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { firstServer, nodeOf, serversOf, type Site } from "../../../stacks/config/site.ts";
import type { SiteKeys } from "../../../stacks/keys/site-keys.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { formatSize } from "../../../stacks/remote/format-size.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { ask } from "../ask.ts";
import { Progress } from "../flash/progress.ts";
import { digestOfFile } from "../results/seal.ts";
import type { Surroundings } from "./command.ts";
import {
  authorityOf,
  manifestName,
  parseManifest,
  renderManifest,
  snapshotName,
  type BackupManifest,
} from "./manifest.ts";
import { configurationRefusals, serverRefusals, type Refusal, type ServerState } from "./restore-refusals.ts";
import type { FileDigest, ServerFiles, ServerLook } from "./server-files.ts";

/** Bytes that are sent at once: what a broken connection loses. */
const pieceSize = 4 << 20;

export interface Restoration {
  readonly stack: string;
  readonly site: Site;
  readonly keys: SiteKeys;
  /** The backup's directory. */
  readonly directory: string;
  /** Does not ask for the site's name. */
  readonly yes: boolean;
}

/**
 * Puts a backup on the first server, which founds the cluster from it at the next `up`. Nothing is changed before everything was
 * checked and a person agreed.
 * @throws UserError, NodeUnavailable
 */
export async function restoreSite(
  restoration: Restoration,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<void> {
  const { stack, site, keys, directory } = restoration;
  const { output } = surroundings.terminal;
  const manifest = await readBackup(directory);
  refuse(directory, configurationRefusals(manifest, { stack, site, authority: authorityOf(keys) }));
  signal.throwIfAborted();
  await checkServers(restoration, surroundings);
  signal.throwIfAborted();

  const { name } = firstServer(site);
  const { time, k3sVersion, server, bytes } = manifest;
  output.write(
    `Site ${site.name} as it was on ${time}: a snapshot of ${server}, K3s ${k3sVersion}, ${formatSize(bytes)}.\n`,
  );
  const gone = Object.keys(manifest.nodes).filter((node) => !Object.hasOwn(site.nodes, node));
  if (gone.length > 0)
    output.write(`  It knows ${gone.join(", ")}, which the configuration does not: kubectl delete node removes them\n`);
  await confirm(restoration, name, surroundings, signal);
  await send(
    join(directory, snapshotName),
    manifest,
    surroundings.serverFiles(endpointOf(site, name, keys)),
    new Progress(output),
    signal,
  );
  output.write(`${name}: the snapshot is in place\n  Next: npm run up -- ${stack}, which founds the cluster from it\n`);
}

/** @throws UserError when the directory is no backup, or its snapshot is not the one that the manifest tells of */
async function readBackup(directory: string): Promise<BackupManifest> {
  const read = async <Value>(file: string, how: (path: string) => Promise<Value>) => {
    const path = join(directory, file);
    try {
      return await how(path);
    } catch (error) {
      throw new UserError(
        {
          what: `cannot be read (${(error as Error).message})`,
          where: path,
          next: "name a directory that npm run backup made: backups/<site>/<time>",
        },
        { cause: error },
      );
    }
  };
  const text = await read(manifestName, (path) => readFile(path, "utf8"));
  const manifest = parseManifest(text, join(directory, manifestName));
  const { size } = await read(snapshotName, stat);
  const sha256 = await read(snapshotName, digestOfFile);
  if (size !== manifest.bytes || sha256 !== manifest.sha256)
    throw new UserError({
      what: `is not the snapshot that its manifest tells of: ${size} bytes with sha256 ${sha256}, not ${manifest.bytes} with ${manifest.sha256}`,
      where: join(directory, snapshotName),
      next: "take another copy of this backup, or an older backup",
    });
  return manifest;
}

async function checkServers({ stack, site, keys }: Restoration, surroundings: Surroundings): Promise<void> {
  const servers = serversOf(site).map(({ name }) => endpointOf(site, name, keys));
  const live = await surroundings.findLiveServer(servers);
  if (live !== undefined)
    throw new UserError({
      what: `the cluster answers on ${live.endpoint.node}; this is for a site whose servers were all lost`,
      where: `site ${site.name}`,
      next: `a server that was lost rejoins by itself: npm run up -- ${stack}`,
    });
  const states = await Promise.all(
    servers.map(async (endpoint): Promise<ServerState> => {
      const { node } = endpoint;
      try {
        return {
          node,
          state: stateOf(await surroundings.serverFiles(endpoint).look(nodeOf(site, node).dataDisk?.device)),
        };
      } catch (error) {
        if (!(error instanceof NodeUnavailable)) throw error;
        return { node, state: { silent: error.what } };
      }
    }),
  );
  refuse(`site ${site.name}`, serverRefusals(stack, states));
}

function stateOf({ hasData, disk }: ServerLook): ServerState["state"] {
  if (hasData) return "data";
  return ({ none: "empty", empty: "empty", data: "disk", absent: "no-disk" } as const)[disk];
}

function refuse(where: string, refusals: readonly Refusal[]): void {
  const [first, ...more] = refusals;
  if (first === undefined) return;
  if (more.length === 0) throw new UserError({ ...first, where });
  throw new UserError({
    what: `nothing was restored:\n${refusals.map(({ what, next }) => `    ${what}\n      - ${next}`).join("\n")}`,
    where,
    next: "do what stands under each, then run this again",
  });
}

async function confirm(
  { site, yes }: Restoration,
  server: string,
  { terminal }: Surroundings,
  signal: AbortSignal,
): Promise<void> {
  if (yes) return;
  const answer = await ask(terminal, `Type the site's name to found its cluster anew on ${server}: `, signal);
  if (answer !== site.name)
    throw new UserError({
      what: "not confirmed; nothing was changed",
      where: `site ${site.name}`,
      next: `run it again and type ${site.name}`,
    });
}

/** Sends the snapshot, from where an earlier restore of the same one was cut off. */
async function send(
  file: string,
  manifest: BackupManifest,
  files: ServerFiles,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const there = await files.arrived();
  let done = there !== undefined && (await beginsWith(file, there)) ? there.bytes : 0;
  for await (const piece of createReadStream(file, { start: done, highWaterMark: pieceSize })) {
    signal.throwIfAborted();
    await files.receive(done, piece as Buffer);
    done += (piece as Buffer).length;
    progress.show("sending", done, manifest.bytes);
  }
  progress.clear();
  const { bytes, sha256 } = manifest;
  await files.finish({ bytes, sha256, manifest: renderManifest(manifest) });
}

async function beginsWith(file: string, { bytes, sha256 }: FileDigest): Promise<boolean> {
  const hash = createHash("sha256");
  let length = 0;
  if (bytes > 0)
    for await (const piece of createReadStream(file, { end: bytes - 1 })) {
      hash.update(piece as Buffer);
      length += (piece as Buffer).length;
    }
  return length === bytes && hash.digest("hex") === sha256;
}
