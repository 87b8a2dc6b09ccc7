import { agentsOf, serversOf, type NamedNode, type Site } from "../config/site.ts";
import type { Observation } from "../nodes/observe.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { compareVersions, parseVersion } from "./version.ts";

/** What another K3s release in the configuration leads to. */
export interface UpgradePlan {
  /** Why it cannot be, one line for each node that says so. */
  readonly refusals: readonly string[];
  /** Who is upgraded, in which order; empty where nobody is. */
  readonly lines: readonly string[];
}

/** Compares the configured release with what runs. Nodes that K3s was never on, or that did not answer, have no say. */
export function upgradePlan(site: Site, observations: ReadonlyMap<string, Observation>): UpgradePlan {
  const wanted = site.k3s.version;
  const running = (node: string): string | undefined => {
    const seen = observations.get(node);
    if (seen === undefined || seen instanceof NodeUnavailable || !seen.k3s.hasData) return undefined;
    return seen.k3s.version ?? undefined;
  };
  const refusals = Object.keys(site.nodes).flatMap((node) => {
    const problem = refusal(running(node) ?? wanted, wanted);
    return problem === undefined ? [] : [`${node}: ${problem}`];
  });
  const outdated = ({ name }: NamedNode) => (running(name) ?? wanted) !== wanted;
  const servers = serversOf(site).filter(outdated);
  const agents = agentsOf(site).filter(outdated);
  if (servers.length + agents.length === 0) return { refusals, lines: [] };
  const silent = Object.keys(site.nodes).filter((node) => observations.get(node) instanceof NodeUnavailable);
  const steps = [
    ...(servers.length === 0 ? [] : [`${named("server", servers)} one by one`]),
    ...(agents.length === 0 ? [] : [`${named("agent", agents)}, ${atOnce(site.k3s.maxUnavailable)}`]),
  ];
  return {
    refusals,
    lines: [
      `upgrade of K3s to ${wanted}: after a snapshot, ${steps.join("; then ")}; each is drained first`,
      ...silent.map((node) => `${node} did not answer: it is upgraded if it runs another K3s than ${wanted}`),
    ],
  };
}

function named(role: string, nodes: readonly NamedNode[]): string {
  return `${role}${nodes.length === 1 ? "" : "s"} ${nodes.map(({ name }) => name).join(", ")}`;
}

function atOnce(maxUnavailable: number): string {
  return maxUnavailable === 1 ? "one at a time" : `at most ${maxUnavailable} at a time`;
}

/** Why a node cannot be brought from one release to another, or undefined. */
function refusal(from: string, to: string): string | undefined {
  const [old, wanted] = [parseVersion(from), parseVersion(to)];
  // What is no release, such as a build of somebody's own, is that person's business.
  if (old === undefined || wanted === undefined) return undefined;
  if (compareVersions(wanted, old) < 0)
    return `runs K3s ${from}, and the configuration asks for ${to}, which is older: what the newer one wrote to etcd an older one need not understand. Set k3s.version to ${from} or newer; to go back, restore a backup of that time (npm run restore)`;
  // (kubernetes.io/releases/version-skew-policy: API servers are upgraded one minor version at a time.)
  if (wanted.minor > old.minor + 1)
    return `runs K3s ${from}, and the configuration asks for ${to}: Kubernetes lets no minor version be skipped. Upgrade to a v1.${old.minor + 1} release first`;
  return undefined;
}
