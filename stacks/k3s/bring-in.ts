import type { NodeReport } from "../nodes/facts.ts";
import { observe } from "../nodes/observe.ts";
import { applyOn, applyPhase } from "../remote/apply-phase.ts";
import { run } from "../remote/connection.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { phaseSchema } from "../remote/phase.ts";
import type { ChangeInput } from "./change-input.ts";
import { must } from "./drain.ts";
import { findLiveServer } from "./live-server.ts";
import { asRoot, lookSeconds, writePlace } from "./on-node.ts";
import { binaryPath, restoreDirectory, unitName } from "./paths.ts";
import { choosePlace, describePlace, type SeenServer } from "./place.ts";
import { renderPlace } from "./place-file.ts";
import { startK3s } from "./start-k3s.ts";

/** (k3s-io/k3s, pkg/etcd/etcd.go, ResetFile.) */
const resetFlagPath = "/var/lib/rancher/k3s/server/db/reset-flag";
/** Seconds that making a cluster of a snapshot may take on an SD card. */
const restoreSeconds = 600;
/** Nothing runs there that could be restarted. */
const firstStart = { restarts: false, again: false } as const;

/** Takes a server in that has no data of a cluster, or a snapshot to found one from. @returns one line that says how */
export async function bringServerIn(input: ChangeInput, own: NodeReport, snapshot: boolean): Promise<string> {
  const { endpoint, servers, tokens } = input;
  if (tokens === null) throw new Error(`${endpoint.node} has no server's tokens`);
  const { node } = endpoint;
  const others = await Promise.all(servers.filter((server) => server.node !== node).map(lookAtServer));
  const founder = servers[0]?.node === node;
  const place = choosePlace({ name: node, hasData: own.k3s.hasData, founder }, others, snapshot);
  if (place.kind === "joins") await forgetFormerSelf(node, servers);
  if (place.kind !== "keeps") await writePlace(endpoint, renderPlace(place, tokens));
  if (place.kind === "restores") await restore(input);
  return `${await startK3s(input, firstStart)}; ${describePlace(place)}`;
}

async function lookAtServer(endpoint: Endpoint): Promise<SeenServer> {
  const { node: name, address } = endpoint;
  const seen = await observe(endpoint, lookSeconds);
  if (seen instanceof NodeUnavailable) return { name, address, hasData: null, live: false };
  const { hasData } = seen.k3s;
  return { name, address, hasData, live: hasData && (await findLiveServer([endpoint])) !== undefined };
}

/** A server that comes back empty is a stranger to etcd: the member that it was has to go before it can join. */
async function forgetFormerSelf(node: string, servers: readonly Endpoint[]): Promise<void> {
  const live = await findLiveServer(servers.filter((server) => server.node !== node));
  if (live === undefined) return;
  // K3s removes the etcd member with its Node (k3s-io/k3s, pkg/etcd/member_controller.go).
  await must(live.kubectl, ["delete", "node", node, "--ignore-not-found", "--timeout=50s"]);
  const secret = `${node}.node-password.k3s`;
  await must(live.kubectl, ["delete", "secret", secret, "--namespace=kube-system", "--ignore-not-found"]);
}

/** An agent calls the server that its configuration names; where that one is away, another, until it knows all of them. */
export async function bringAgentIn(input: ChangeInput): Promise<string> {
  const { endpoint, servers } = input;
  const live = await findLiveServer(servers);
  const elsewhere = live !== undefined && live.endpoint.node !== servers[0]?.node;
  if (elsewhere) await writePlace(endpoint, `server: https://${live.endpoint.address}:6443\n`);
  return await startK3s(input, firstStart);
}

/** Whether `npm run restore` laid a snapshot down on the node, whole. */
export async function hasSnapshot(endpoint: Endpoint): Promise<boolean> {
  const test = ["sudo", "-n", "test", "-e", `${restoreDirectory}/manifest.json`];
  return (await run(endpoint, test, { timeoutSeconds: lookSeconds })).code === 0;
}

/** Makes the cluster that a snapshot holds, on this server alone, before K3s is started there. */
async function restore({ endpoint, phase, role }: ChangeInput): Promise<void> {
  // All that the phase asks, but for the start.
  const units = (phase.units ?? []).map((unit) =>
    Object.fromEntries(Object.entries(unit).filter(([property]) => property !== "active")),
  );
  await applyPhase(phaseSchema.parse({ ...phase, units }), applyOn(endpoint));
  await asRoot(endpoint, ["systemctl", "stop", unitName(role)]);
  // Left by a run that was cut off below: K3s would take it for a second reset by mistake.
  await asRoot(endpoint, ["rm", "-f", resetFlagPath]);
  const snapshot = `--cluster-reset-restore-path=${restoreDirectory}/snapshot`;
  await asRoot(endpoint, [binaryPath, "server", "--cluster-reset", snapshot], { timeoutSeconds: restoreSeconds });
  // The server has its data now: a run that is cut off from here on must not begin again.
  await asRoot(endpoint, ["mv", `${restoreDirectory}/manifest.json`, `${restoreDirectory}/restored.json`]);
}
