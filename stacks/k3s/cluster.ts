import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { agentsOf, nodeOf, serversOf, type Site } from "../config/site.ts";
import type { SiteKeys } from "../keys/site-keys.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { phaseCommand, visibleParts, type SeenOnNode } from "../remote/phase-command.ts";
import { stackCommand } from "../remote/stack-command.ts";
import type { NodeChange } from "./change-input.ts";
import { installPhase } from "./install-phase.ts";
import { membershipPhase } from "./membership-phase.ts";

/** A node as the program sees it. */
export interface ClusterNode {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly seen: SeenOnNode | undefined;
  /** Why K3s has to be restarted there although nothing changed. */
  readonly due: string | undefined;
  /** What must be done on the node before anything of K3s lies there: its disk. */
  readonly mounted: readonly pulumi.Resource[];
  /** What must be done on the node before K3s is started. */
  readonly prepared: readonly pulumi.Resource[];
}

/** What a cluster is made of. */
export interface Cluster {
  /** K3s on the servers, in their order. */
  readonly servers: readonly local.Command[];
  /** All of it. */
  readonly parts: readonly local.Command[];
}

/**
 * K3s on all nodes: its artefacts to all of them, the servers one after the other, then the agents side by side, each with its
 * place in the cluster. Before anything changes, a cluster that is there gets its new token and leaves a
 * snapshot.
 * @param options.barrier what every change waits for
 */
export function makeCluster(
  args: { readonly site: Site; readonly keys: SiteKeys; readonly nodes: readonly ClusterNode[] },
  { parent, barrier }: { readonly parent: pulumi.Resource; readonly barrier: readonly pulumi.Resource[] },
): Cluster {
  const { site, keys, nodes } = args;
  const { name } = site;
  const at = new Map(nodes.map((node) => [node.name, node]));
  const find = (node: string) => {
    const found = at.get(node);
    if (found === undefined) throw new Error(`there is no node ${node} in ${name}`);
    return found;
  };
  const servers = serversOf(site).map(({ name: node }) => find(node));
  const endpoints = servers.map(({ endpoint }) => endpoint);

  const token = stackCommand(
    `${name}-token`,
    {
      create: "k3s/rotate-token.ts",
      input: { servers: endpoints, tokens: keys.tokens },
      environment: { BRAMBLE_TOKEN_GENERATION: String(site.k3s.tokenGeneration) },
      logging: "stdoutAndStderr",
    },
    { parent, dependsOn: [...barrier] },
  );
  const snapshot = stackCommand(
    `${name}-snapshot`,
    {
      create: "k3s/snapshot-cluster.ts",
      input: { servers: endpoints, version: site.k3s.version },
      environment: { BRAMBLE_K3S: site.k3s.version },
      logging: "stdoutAndStderr",
    },
    { parent, dependsOn: token },
  );

  const context = { site, keys, servers: endpoints, parent };
  const installed: local.Command[] = [];
  const sent: local.Command[] = [];
  for (const node of servers) {
    // One after the other: etcd takes in one member at a time, and a change must leave the others standing.
    const before = { artefacts: barrier, start: [snapshot, ...installed.slice(-1)] };
    const server = installK3s("bramble:k3s:Server", node, context, before);
    installed.push(server.install);
    sent.push(server.sent);
  }
  // What the servers need goes first: they start while the agents' is on its way.
  const before = { artefacts: sent, start: installed };
  const agents = agentsOf(site).map(({ name: node }) => ({
    node,
    ...installK3s("bramble:k3s:Agent", find(node), context, before),
  }));
  const members = [
    ...servers.map(({ name: node }, index) => ({ node, install: installed[index] ?? snapshot })),
    ...agents,
  ].map(({ node, install }) => {
    // Asked of the others, since a node may have gone for good; a sole server has nobody else.
    const others = servers.filter((server) => server.name !== node || servers.length === 1);
    return makeMember(find(node), others, context, { dependsOn: [install, ...installed], deletedWith: token });
  });
  return {
    servers: installed,
    parts: [token, snapshot, ...installed, ...agents.map(({ install }) => install), ...members],
  };
}

interface Context {
  readonly site: Site;
  readonly keys: SiteKeys;
  /** All servers. */
  readonly servers: readonly Endpoint[];
  readonly parent: pulumi.Resource;
}

/** K3s on one node: its artefacts, and what is made of them. */
function installK3s(
  type: "bramble:k3s:Server" | "bramble:k3s:Agent",
  { name, endpoint, seen, due, mounted, prepared }: ClusterNode,
  { site, keys, servers, parent }: Context,
  before: { readonly artefacts: readonly pulumi.Resource[]; readonly start: readonly pulumi.Resource[] },
): { sent: local.Command; install: local.Command } {
  const component = new pulumi.ComponentResource(type, name, {}, { parent });
  const { role } = nodeOf(site, name);
  const input: NodeChange = {
    role,
    version: site.k3s.version,
    servers: [...servers],
    tokens: role === "server" ? { short: keys.serverToken, pinned: keys.joinToken } : null,
    maxUnavailable: site.k3s.maxUnavailable,
    drainSeconds: site.k3s.drainSeconds,
  };
  const phase = installPhase(site, name, keys);
  // Over a thin link this takes longer than all else: it goes on beside everything that has to come before K3s.
  const artefacts = phase.files.filter((file) => "source" in file);
  const sent = stackCommand(
    `${name}-k3s-artefacts`,
    {
      create: "k3s/send-artefacts.ts",
      input: { endpoint, phase: { ...phase, files: artefacts, units: [], removal: [] } },
      environment: visibleParts({ ...phase, files: artefacts, units: [] }),
      logging: "stdoutAndStderr",
    },
    { parent: component, dependsOn: [...before.artefacts, ...mounted] },
  );
  const install = phaseCommand(
    `${name}-k3s`,
    {
      phase,
      endpoint,
      seen,
      due,
      visible: { BRAMBLE_K3S: site.k3s.version },
      program: { create: "k3s/change-node.ts", input: { ...input } },
    },
    {
      parent: component,
      dependsOn: [...prepared, ...before.start, sent],
      // Where the site does not ask for it, whoever made the component may.
      ...(site.protect && role === "server" ? { protect: true } : {}),
    },
  );
  return { sent, install };
}

/**
 * A node's labels, taints and place in the cluster, kept on the servers other than it, so that it works for a dead node. It
 * depends on the node's K3s: made after it, when the node is Ready, and gone before it, when the node is drained and deleted.
 */
function makeMember(
  node: ClusterNode,
  hosts: readonly ClusterNode[],
  { site, parent }: Context,
  { dependsOn, deletedWith }: { dependsOn: pulumi.Resource[]; deletedWith: pulumi.Resource },
): local.Command {
  const [host] = hosts;
  if (host === undefined) throw new Error(`nobody hosts the membership of ${node.name}`);
  const component = new pulumi.ComponentResource("bramble:k3s:Membership", node.name, {}, { parent });
  return phaseCommand(
    `${node.name}-membership`,
    {
      phase: membershipPhase(host.name, node.name, nodeOf(site, node.name)),
      endpoint: host.endpoint,
      seen: host.seen,
      program: {
        create: "k3s/change-membership.ts apply",
        delete: "k3s/change-membership.ts remove",
        input: { servers: hosts.map(({ endpoint }) => endpoint) },
      },
    },
    // When the whole cluster goes, nobody has to leave it first.
    { parent: component, dependsOn, deletedWith },
  );
}
