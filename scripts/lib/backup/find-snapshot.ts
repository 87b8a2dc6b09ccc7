import type { Site } from "../../../stacks/config/site.ts";
import { serversOf } from "../../../stacks/config/site.ts";
import { etcdSnapshot } from "../../../stacks/k3s/etcd-snapshot.ts";
import type { findLiveServer } from "../../../stacks/k3s/live-server.ts";
import type { SiteKeys } from "../../../stacks/keys/site-keys.ts";
import type { run } from "../../../stacks/remote/connection.ts";
import type { Endpoint } from "../../../stacks/remote/endpoint.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { UserError } from "../../../stacks/user-error.ts";
import type { ServerFiles, ServerLook, SnapshotFile } from "./server-files.ts";

/** A snapshot on a server. */
export interface FoundSnapshot {
  readonly endpoint: Endpoint;
  readonly files: ServerFiles;
  readonly look: ServerLook;
  readonly snapshot: SnapshotFile;
}

export interface SnapshotSearch {
  readonly stack: string;
  readonly site: Site;
  readonly keys: SiteKeys;
  readonly serverFiles: (endpoint: Endpoint) => ServerFiles;
  readonly findLiveServer: typeof findLiveServer;
  readonly run: typeof run;
  readonly say: (line: string) => void;
}

/** The names of the snapshots that backups take begin with this; K3s adds the node's name and the time. */
const ownName = "bramble-backup";
/** K3s's own base name of scheduled snapshots (docs.k3s.io/cli/etcd-snapshot). */
const scheduledName = "etcd-snapshot";

/**
 * Has a server whose API answers take a snapshot.
 * @throws UserError where no server answers, or K3s takes none
 */
export async function takeSnapshot(search: SnapshotSearch): Promise<FoundSnapshot> {
  const { stack, site, keys, say } = search;
  const live = await search.findLiveServer(serversOf(site).map(({ name }) => endpointOf(site, name, keys)));
  if (live === undefined)
    throw new UserError({
      what: "no server's API answers, so no snapshot can be taken",
      where: `site ${site.name}`,
      next: `bring the site up (npm run up -- ${stack}), or take what it saved by itself: npm run backup -- ${stack} --latest-scheduled`,
    });
  const { endpoint } = live;
  const files = search.serverFiles(endpoint);
  // On-demand snapshots are kept for ever (docs.k3s.io/cli/etcd-snapshot): what a backup that was killed left is no use.
  await removeOwn(search, { endpoint, look: await files.look(undefined) });
  say(`${endpoint.node}: taking a snapshot`);
  await etcdSnapshot(endpoint, ["save", "--name", ownName], "no snapshot was taken", search.run);
  const look = await files.look(undefined);
  const snapshot = newest(look, ownName);
  if (snapshot === undefined)
    throw new UserError({
      what: `K3s says that it took a snapshot, and none lies in its directory (there: ${look.snapshots.map(({ name }) => name).join(", ") || "nothing"})`,
      where: endpoint.node,
      next: "take etcd-snapshot-dir and etcd-snapshot-compress out of k3s.extra, bring the site up, then run this again",
    });
  return { endpoint, files, look, snapshot };
}

/** Removes the snapshot that a backup took, once it is here. */
export async function removeOwn(
  search: Pick<SnapshotSearch, "run">,
  { endpoint, look }: Pick<FoundSnapshot, "endpoint" | "look">,
): Promise<void> {
  const names = look.snapshots.map(({ name }) => name).filter((name) => name.startsWith(`${ownName}-`));
  if (names.length > 0)
    await etcdSnapshot(endpoint, ["delete", ...names], "the snapshot of a backup stays there", search.run);
}

/**
 * The newest snapshot that the site's servers took by themselves. No API need answer: servers that cannot be reached are told of.
 * @throws UserError where there is none
 */
export async function findScheduled(search: SnapshotSearch): Promise<FoundSnapshot> {
  const { stack, site, keys, say } = search;
  const found = await Promise.all(
    serversOf(site).map(async ({ name }) => {
      const endpoint = endpointOf(site, name, keys);
      const files = search.serverFiles(endpoint);
      try {
        const look = await files.look(undefined);
        const snapshot = newest(look, scheduledName);
        if (snapshot === undefined) say(`${name}: has taken no snapshot yet`);
        return snapshot === undefined ? [] : [{ endpoint, files, look, snapshot }];
      } catch (error) {
        if (!(error instanceof NodeUnavailable)) throw error;
        say(`${name}: ${error.what}`);
        return [];
      }
    }),
  );
  const [latest] = found.flat().toSorted((one, other) => other.snapshot.time - one.snapshot.time);
  if (latest === undefined)
    throw new UserError({
      what: `no server that answers has a scheduled snapshot (k3s.snapshots.schedule: ${site.k3s.snapshots.schedule})`,
      where: `site ${site.name}`,
      next: `bring a server back that has one, or take one now: npm run backup -- ${stack}`,
    });
  return latest;
}

/** What etcd still writes ends in .part; a compressed snapshot cannot be looked into. */
function newest({ snapshots }: ServerLook, base: string): SnapshotFile | undefined {
  return snapshots
    .filter(({ name }) => name.startsWith(`${base}-`) && /-\d+$/.test(name))
    .toSorted((one, other) => other.time - one.time)[0];
}
