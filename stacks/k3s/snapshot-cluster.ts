/**
 * What Pulumi runs before K3s changes to another release: `node k3s/snapshot-cluster.ts`, with its input as JSON on stdin. Takes a
 * snapshot of a cluster in which some node runs another release than the configured one. Prints one line.
 */
import { z } from "zod";
import { observe } from "../nodes/observe.ts";
import { run } from "../remote/connection.ts";
import { endpointSchema, type Endpoint } from "../remote/endpoint.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { runStackProgram } from "../remote/stack-program.ts";
import { UserError } from "../user-error.ts";
import { must } from "./drain.ts";
import { findLiveServer } from "./live-server.ts";
import { lookSeconds } from "./on-node.ts";
import { binaryPath } from "./paths.ts";

const inputSchema = z.strictObject({ servers: z.array(endpointSchema).min(1), version: z.string() });

/** K3s adds the node's name and the time. */
const snapshotName = "bramble-before-upgrade";
/** K3s keeps what is asked for by hand for ever (docs.k3s.io/cli/etcd-snapshot), and cards are small. */
const kept = 3;
/** Seconds that etcd may take to write a snapshot to an SD card. */
const snapshotSeconds = 600;

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
  await k3s(endpoint, ["etcd-snapshot", "save", "--name", snapshotName]);
  await k3s(endpoint, ["etcd-snapshot", "prune", "--name", snapshotName, "--snapshot-retention", String(kept)]);
  return `${endpoint.node}: took a snapshot before ${version} (now ${former.join(", ")})`;
}

async function holdsData(endpoint: Endpoint): Promise<string[]> {
  const report = await observe(endpoint, lookSeconds);
  return !(report instanceof NodeUnavailable) && report.k3s.hasData ? [endpoint.node] : [];
}

async function k3s(endpoint: Endpoint, argv: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await run(endpoint, ["sudo", "-n", binaryPath, ...argv], {
    timeoutSeconds: snapshotSeconds,
  });
  if (code === 0) return;
  throw new UserError({
    what: `k3s ${argv.slice(0, 2).join(" ")} failed; it said last:\n    ${(stderr + stdout).trim().split("\n").slice(-3).join("\n    ")}`,
    where: endpoint.node,
    next: "mend what it names (room on the disk? journalctl -u k3s), then run `pulumi up` again; nothing was upgraded yet",
  });
}

await runStackProgram(inputSchema, main);
