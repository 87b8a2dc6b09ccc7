import { createHash } from "node:crypto";
import type { ExecutionContext } from "ava";
import type { ClusterLease, ClusterNode, ClusterPod, ClusterSeen } from "../../../../scripts/lib/doctor/cluster.ts";
import type { Finding } from "../../../../scripts/lib/doctor/finding.ts";
import { sortFindings } from "../../../../scripts/lib/doctor/finding.ts";
import { reportsOf, type NodeSeen, type Seen } from "../../../../scripts/lib/doctor/seen.ts";
import { cardContent } from "../../../../stacks/cards/card-content.ts";
import { parseSite } from "../../../../stacks/config/parse.ts";
import { nodeOf, type Site } from "../../../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../../../stacks/keys/site-keys.ts";
import { authorityDigest } from "../../../../stacks/nodes/cluster-authority.ts";
import type { Facts, Health, K3sReport, NodeReport } from "../../../../stacks/nodes/facts.ts";
import { NodeUnavailable, type Unavailability } from "../../../../stacks/remote/node-unavailable.ts";
import { exampleRootSecret } from "../../../stacks/keys/example.ts";
import { exampleFacts, exampleHealth, exampleK3s, exampleReport } from "../../../stacks/nodes/example-report.ts";
import { threeServers } from "../../../stacks/k3s/three-servers.ts";

export const now = new Date("2027-03-01T12:00:00Z");
/** When updates did what is on the nodes. */
export const installed = "2027-02-01T12:00:00Z";
const version = "v1.34.2+k3s1";

/** Three servers and two agents. */
export function exampleSite(changes: { readonly k3s?: object; readonly [key: string]: unknown } = {}): Site {
  const value = threeServers();
  return parseSite("barn", { ...value, ...changes, k3s: { ...value.k3s, ...changes.k3s } });
}

export const site = exampleSite();
const keys = deriveSiteKeys(exampleRootSecret, site);
/** Computed once: certificates take tens of milliseconds. */
const authority = authorityDigest(keys.authorities["server-ca"].certificate);

/** A site that nothing at all is to be said of, as it was when its configuration was the example's. */
export function healthySeen(changes: Partial<Seen> = {}): Seen {
  const names = Object.keys(site.nodes);
  return {
    stackName: "barn",
    now,
    keys,
    wifiPassword: undefined,
    nodes: new Map(names.map((node): [string, NodeSeen] => [node, healthyReport(node)])),
    cluster: healthyCluster(),
    stack: {
      resources: names.flatMap((node) =>
        ["preparation", "k3s", "membership", "access"].map((part) => `${node}-${part}`),
      ),
      pending: [],
      lock: [],
    },
    bundleProblem: undefined,
    newestBackup: new Date("2027-02-20T00:00:00Z"),
    ...changes,
  };
}

/** What changes of a node's report. */
export interface ReportChanges extends Partial<Omit<NodeReport, "facts" | "health" | "k3s">> {
  readonly facts?: Partial<Facts>;
  readonly health?: Partial<Health>;
  readonly k3s?: Partial<K3sReport>;
}

function healthyReport(node: string, { facts, health, k3s, ...changes }: ReportChanges = {}): NodeReport {
  const { role } = nodeOf(site, node);
  const server = role === "server";
  return exampleReport({
    stamp: cardContent({ site, node, keys, system: "raspberry-pi-os", wifiPassword: undefined }).stamp,
    facts: exampleFacts({ bootDiskKind: "nvme", clusterAuthority: authority, ...facts }),
    health: exampleHealth(health),
    k3s: exampleK3s({
      role,
      unit: "active",
      restarts: 0,
      version,
      hasData: true,
      certificatesEnd: "2028-01-01T00:00:00Z",
      tokenDigest: server ? createHash("sha256").update(keys.serverToken).digest("hex") : null,
      decided: server ? { secretsEncryption: true, clusterCidr: "10.42.0.0/16", serviceCidr: "10.43.0.0/16" } : null,
      snapshots: server ? [{ name: "etcd-snapshot-1", megabytes: 4, time: "2027-03-01T06:00:00Z" }] : null,
      ...k3s,
    }),
    records: {
      k3s: { applied: installed, pending: [], files: {}, directories: {}, units: {}, packages: {}, labels: null },
    },
    ...changes,
  });
}

/** A site of which one node says something else; what lies there stays as it is. */
export function withNode(node: string, change: ReportChanges | Error, seen: Seen = healthySeen()): Seen {
  const before = seen.nodes.get(node);
  const records = before === undefined || before instanceof Error ? {} : { records: before.records };
  const said = change instanceof Error ? change : healthyReport(node, { ...records, ...change });
  return { ...seen, nodes: new Map([...seen.nodes].map(([name, old]) => [name, name === node ? said : old])) };
}

/** A node that does not answer. */
export function silent(
  node: string,
  reason: Unavailability = "unreachable",
  hop: "node" | "bastion" = "node",
): NodeUnavailable {
  const { address } = nodeOf(site, node);
  const bastion = hop === "bastion" ? { bastion: { host: "gate", port: 22, user: "me", hostKey: "" } } : {};
  return new NodeUnavailable({ node, address, port: 22, user: "bramble", ...bastion }, reason, { hop });
}

const metadataOf = (name: string, namespace = "") => ({ name, namespace, labels: {}, annotations: {} });

export function member(
  name: string,
  changes: {
    ready?: string;
    kubelet?: string;
    unschedulable?: boolean;
    cordonedByUs?: boolean;
    conditions?: ClusterNode["status"]["conditions"];
  } = {},
): ClusterNode {
  const server = Object.hasOwn(site.nodes, name) && nodeOf(site, name).role === "server";
  return {
    metadata: {
      ...metadataOf(name),
      labels: server ? { "node-role.kubernetes.io/etcd": "true" } : {},
      annotations: changes.cordonedByUs === true ? { "bramble.dev/cordoned": "yes" } : {},
    },
    spec: changes.unschedulable === true ? { unschedulable: true } : {},
    status: {
      conditions: [
        { type: "Ready", status: changes.ready ?? "True", message: "the kubelet's word" },
        { type: "DiskPressure", status: "False" },
        ...(changes.conditions ?? []),
      ],
      nodeInfo: { kubeletVersion: changes.kubelet ?? version },
    },
  };
}

export function pod(
  name: string,
  changes: {
    namespace?: string;
    phase?: string;
    waiting?: string;
    unschedulable?: string;
    created?: string;
    deleted?: string;
  } = {},
): ClusterPod {
  return {
    metadata: {
      ...metadataOf(name, changes.namespace ?? "threads-1"),
      creationTimestamp: changes.created ?? "2027-03-01T10:00:00Z",
      ...(changes.deleted === undefined ? {} : { deletionTimestamp: changes.deleted }),
    },
    status: {
      phase: changes.phase ?? "Running",
      conditions:
        changes.unschedulable === undefined
          ? []
          : [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: changes.unschedulable }],
      initContainerStatuses: [],
      containerStatuses: [
        {
          ready: changes.waiting === undefined,
          state: changes.waiting === undefined ? {} : { waiting: { reason: changes.waiting } },
        },
      ],
    },
  };
}

export function lease(
  name: string,
  holder: string | null,
  renewTime: string,
  annotations: Record<string, string> = {},
): ClusterLease {
  return { metadata: { ...metadataOf(name, "bramble"), annotations }, spec: { holderIdentity: holder, renewTime } };
}

export function healthyCluster(changes: Partial<ClusterSeen> = {}): ClusterSeen {
  return {
    through: "pi-1",
    nodes: Object.keys(site.nodes).map((node) => member(node)),
    pods: [pod("coredns-1", { namespace: "kube-system" }), pod("block-0", { phase: "Succeeded" })],
    leases: [lease("measurement", null, "2027-03-01T00:00:00Z")],
    problems: [],
    ...changes,
  };
}

/** The cluster, in which some members are others. */
export function withMembers(...members: ClusterNode[]): Seen {
  const names = members.map(({ metadata }) => metadata.name);
  const others = (healthyCluster().nodes ?? []).filter(({ metadata }) => !names.includes(metadata.name));
  return healthySeen({ cluster: healthyCluster({ nodes: [...others, ...members] }) });
}

/** A rule over a whole site. */
export type Rule = (site: Site, seen: Seen) => readonly Finding[];

/** A rule over one node as one over a site. */
export function ofEachNode(
  rule: (site: Site, node: string, report: NodeReport, seen: Seen) => readonly Finding[],
): Rule {
  return (of, seen) => reportsOf(seen).flatMap(([node, report]) => rule(of, node, report, seen));
}

/** Looks at sites by these rules alone. */
export function finder(...rules: readonly Rule[]) {
  /** Everything that is found, worst first, each as one line: "wrong pi-1: what | next". */
  const linesOf = (seen: Seen, of: Site = site) =>
    sortFindings(
      rules.flatMap((rule) => rule(of, seen)),
      Object.keys(of.nodes),
    ).map(lineOf);
  return {
    linesOf,
    /** Exactly one thing is found, and it reads so. */
    findsOne: (t: ExecutionContext, seen: Seen, expected: RegExp, of: Site = site) => {
      const lines = linesOf(seen, of);
      t.is(lines.length, 1, lines.join("\n"));
      t.regex(lines[0] ?? "", expected);
    },
    findsNothing: (t: ExecutionContext, seen: Seen, of: Site = site) => {
      t.deepEqual(linesOf(seen, of), []);
    },
  };
}

function lineOf({ severity, where, what, next }: Finding): string {
  return `${severity} ${where}: ${what} | ${next}`;
}
