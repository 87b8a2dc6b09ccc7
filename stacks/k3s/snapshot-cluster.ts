/**
 * What Pulumi runs before K3s changes to another release: `node k3s/snapshot-cluster.ts`, with its input as JSON on stdin. Takes a
 * snapshot of a cluster in which some node runs another release than the configured one. Prints one line.
 */
import { z } from "zod";
import { observe } from "../nodes/observe.ts";
import { endpointSchema, type Endpoint } from "../remote/endpoint.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { runStackProgram } from "../remote/stack-program.ts";
import { UserError } from "../user-error.ts";
import { must } from "./drain.ts";
import { etcdSnapshot } from "./etcd-snapshot.ts";
import { findLiveServer } from "./live-server.ts";
import { lookSeconds } from "./on-node.ts";

const inputSchema = z.strictObject({ servers: z.array(endpointSchema).min(1), version: z.string() });

/** K3s adds the node's name and the time. */
const snapshotName = "bramble-before-upgrade";
/** K3s keeps what is asked for by hand for ever (docs.k3s.io/cli/etcd-snapshot), and cards are small. */
const kept = 3;

async function main({ servers, version }: z.infer<typeof inputSchema>): Promise<string> {
  const live = await findLiveServer(servers);
  if (live === undefined) {
    const holding = (await Promise.all(servers.map(holdsData))).flat();
    if (holding.length === 0) return `no cluster yet, so no snapshot before ${version}`;
    throw new UserError({
      what: `no snapshot can be taken before the upgrade: no API answers on ${holding.join(", ")}`,
      where: "k3s.version",
      next: "set k3s.version back and bring the cluster up (npm run doctor -- <site>), then upgrade it",
    });
  }
  const { endpoint, kubectl } = live;
  const versions = await must(kubectl, [
    "get",
    "nodes",
    "--output=jsonpath={.items[*].status.nodeInfo.kubeletVersion}",
  ]);
  const former = [...new Set(versions.split(/\s+/).filter((one) => one !== "" && one !== version))];
  if (former.length === 0) return `all nodes run ${version}, so no snapshot`;
  const etcd = (...argv: string[]) => etcdSnapshot(endpoint, argv, "nothing was upgraded yet");
  await etcd("save", "--name", snapshotName);
  await etcd("prune", "--name", snapshotName, "--snapshot-retention", String(kept));
  return `${endpoint.node}: took a snapshot before ${version} (now ${former.join(", ")})`;
}

async function holdsData(endpoint: Endpoint): Promise<string[]> {
  const report = await observe(endpoint, lookSeconds);
  return !(report instanceof NodeUnavailable) && report.k3s.hasData ? [endpoint.node] : [];
}

await runStackProgram(inputSchema, main);
