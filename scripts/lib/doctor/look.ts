import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { serversOf, type Site } from "../../../stacks/config/site.ts";
import type { LiveServer, findLiveServer } from "../../../stacks/k3s/live-server.ts";
import type { SiteKeys } from "../../../stacks/keys/site-keys.ts";
import type { observe } from "../../../stacks/nodes/observe.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { manifestName, parseManifest } from "../backup/manifest.ts";
import { readCluster, type ClusterSeen } from "./cluster.ts";
import type { NodeSeen } from "./seen.ts";

/** Whom a look asks. */
export interface Eyes {
  readonly observe: typeof observe;
  readonly findLiveServer: typeof findLiveServer;
}

/** Looks at all nodes at once: one that is silent costs no more than the site's limit. */
export async function lookAtNodes(site: Site, keys: SiteKeys, { observe }: Eyes): Promise<Map<string, NodeSeen>> {
  return new Map(
    await Promise.all(
      Object.keys(site.nodes).map(async (node): Promise<[string, NodeSeen]> => {
        try {
          return [node, await observe(endpointOf(site, node, keys), site.timeouts.probe)];
        } catch (error) {
          // One node that cannot be read, such as one whose disk fails, must not hide the others.
          if (error instanceof Error) return [node, error];
          throw error;
        }
      }),
    ),
  );
}

/** Asks the cluster, through the first server whose API answers. Servers whose K3s is not up are not waited for. */
export async function lookAtCluster(
  site: Site,
  keys: SiteKeys,
  nodes: ReadonlyMap<string, NodeSeen>,
  { findLiveServer }: Eyes,
): Promise<ClusterSeen | undefined> {
  const candidates = serversOf(site).filter(({ name }) => {
    const seen = nodes.get(name);
    // kubectl would unpack K3s's data where K3s itself never ran.
    return seen !== undefined && !(seen instanceof Error) && seen.k3s.hasData && seen.k3s.unit === "active";
  });
  const answers = await Promise.all(
    candidates.map(async ({ name }): Promise<LiveServer | undefined> => {
      try {
        return await findLiveServer([endpointOf(site, name, keys)]);
      } catch (error) {
        if (error instanceof UserError) return undefined;
        throw error;
      }
    }),
  );
  const live = answers.find((answer) => answer !== undefined);
  return live === undefined ? undefined : await readCluster(live.endpoint.node, live.kubectl);
}

/** When the newest whole backup of a site under a directory was taken; undefined where there is none. */
export async function findNewestBackup(site: string, directory: string): Promise<Date | undefined> {
  const times = await Promise.all(
    (await namesIn(join(directory, site))).map(async (name) => {
      const file = join(directory, site, name, manifestName);
      try {
        return [new Date(parseManifest(await readFile(file, "utf8"), file).time)];
      } catch (error) {
        // No backup, or none of ours.
        if (error instanceof UserError || (error instanceof Error && "code" in error)) return [];
        throw error;
      }
    }),
  );
  return times.flat().toSorted((one, other) => other.getTime() - one.getTime())[0];
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
