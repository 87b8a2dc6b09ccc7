import type { Role } from "./paths.ts";
import { parseVersion } from "./version.ts";

/** The lines of K3s whose options stand below: v1.34 and v1.35, which differ in nothing but `later`. */
const lines = [34, 35];

/**
 * The keys of K3s's config.yaml, which are its options, hidden ones included (k3s-io/k3s, pkg/cli/cmds: server.go, agent.go, log.go;
 * docs.k3s.io/cli/server and /cli/agent). Of one that it does not know, K3s says so in its journal, and goes on without it.
 */
const onAllNodes = words(`
  airgap-extra-registry alsologtostderr bind-address config container-runtime-endpoint data-dir debug default-runtime
  disable-default-registry-endpoint docker enable-pprof flannel-cni-conf flannel-conf flannel-iface
  image-credential-provider-bin-dir image-credential-provider-config image-service-endpoint kube-proxy-arg kubelet-arg
  lb-server-port log node-external-dns node-external-ip node-internal-dns node-ip node-label node-name node-taint
  nonroot-devices pause-image prefer-bundled-bin private-registry protect-kernel-defaults resolv-conf rootless selinux
  server snapshotter token token-file v vmodule vpn-auth vpn-auth-file with-node-id
`);

const onAgents = words(`
  disable-apiserver-lb
`);

const onServers = words(`
  advertise-address advertise-port agent-token agent-token-file apiserver-bind-address apiserver-port cluster-cidr
  cluster-dns cluster-domain cluster-init cluster-reset cluster-reset-restore-path datastore-cafile datastore-certfile
  datastore-endpoint datastore-keyfile default-local-storage-path disable disable-agent disable-apiserver
  disable-cloud-controller disable-controller-manager disable-etcd disable-helm-controller disable-kube-proxy
  disable-network-policy disable-scheduler egress-selector-mode embedded-registry etcd-arg etcd-disable-snapshots
  etcd-expose-metrics etcd-s3 etcd-s3-access-key etcd-s3-bucket etcd-s3-bucket-lookup-type etcd-s3-config-secret
  etcd-s3-endpoint etcd-s3-endpoint-ca etcd-s3-folder etcd-s3-insecure etcd-s3-proxy etcd-s3-region etcd-s3-retention
  etcd-s3-secret-key etcd-s3-session-token etcd-s3-skip-ssl-verify etcd-s3-timeout etcd-snapshot-compress
  etcd-snapshot-dir etcd-snapshot-name etcd-snapshot-reconcile-interval etcd-snapshot-retention
  etcd-snapshot-schedule-cron flannel-backend flannel-external-ip flannel-ipv6-masq helm-job-image https-listen-port
  kine-tls kube-apiserver-arg kube-cloud-controller-arg kube-cloud-controller-manager-arg kube-controller-arg
  kube-controller-manager-arg kube-scheduler-arg secrets-encryption secrets-encryption-provider service-cidr
  service-node-port-range servicelb-namespace supervisor-metrics supervisor-port system-default-registry tls-san
  tls-san-security write-kubeconfig write-kubeconfig-group write-kubeconfig-mode
`);

/** Servers' options that came to a line with one of its patch releases, by the line's minor version. */
const later: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  // k3s-io/k3s#14302 and #14303.
  "helm-controller-arg": { 34: 10, 35: 7 },
};

/** Keys that Bramble sets, by the setting that stands for each. */
const settings = new Map(
  Object.entries({
    "node-name": "the node's name under nodes",
    "node-ip": "nodes.<node>.address",
    "node-label": "nodes.<node>.labels",
    "node-taint": "nodes.<node>.taints",
    token: "k3s.tokenGeneration",
    "token-file": "k3s.tokenGeneration",
    "agent-token": "k3s.tokenGeneration",
    "agent-token-file": "k3s.tokenGeneration",
    server: "the nodes' roles",
    "cluster-init": "the nodes' roles",
    "cluster-reset": "npm run restore",
    "cluster-reset-restore-path": "npm run restore",
    config: "k3s.extra",
    "data-dir": "nodes.<node>.dataDisk",
    "cluster-cidr": "k3s.clusterCidr",
    "service-cidr": "k3s.serviceCidr",
    "secrets-encryption": "k3s.secretsEncryption",
    disable: "k3s.components",
    "flannel-iface": "k3s.interface",
    "embedded-registry": "k3s.embeddedRegistry",
    "private-registry": "k3s.registries",
    "disable-default-registry-endpoint": "k3s.registries.onlyMirrors",
    "etcd-snapshot-schedule-cron": "k3s.snapshots.schedule",
    "etcd-snapshot-retention": "k3s.snapshots.keep",
  }),
);

const port = "Bramble and its kubeconfigs expect the API at port 6443";
const administrator = "the administrator's kubeconfig stays where it is, for root alone";
const etcd = "the datastore is embedded etcd";
const snapshots = "npm run backup and npm run restore need the snapshots where they are";
const secret = "a secret would stand in the stack's file";
const node = "every server is a node of the cluster, with an API";

/** Keys that nobody sets, and why. */
const refused = new Map(
  Object.entries({
    "https-listen-port": port,
    "supervisor-port": port,
    "apiserver-port": port,
    "advertise-port": port,
    "write-kubeconfig": administrator,
    "write-kubeconfig-group": administrator,
    "write-kubeconfig-mode": administrator,
    "datastore-endpoint": etcd,
    "disable-etcd": etcd,
    "etcd-disable-snapshots": snapshots,
    "etcd-snapshot-compress": snapshots,
    "etcd-snapshot-dir": snapshots,
    "etcd-s3-access-key": `${secret}; put it into a Secret, and name that with etcd-s3-config-secret`,
    "etcd-s3-secret-key": `${secret}; put it into a Secret, and name that with etcd-s3-config-secret`,
    "etcd-s3-session-token": `${secret}; put it into a Secret, and name that with etcd-s3-config-secret`,
    "vpn-auth": `${secret}; use vpn-auth-file`,
    "disable-agent": node,
    "disable-apiserver": node,
    rootless: "K3s runs as root here",
    "with-node-id": "nodes are known by their names",
  }),
);

/** Why a K3s release's options cannot be checked, or undefined where they can. */
export function unknownLineProblem(version: string): string | undefined {
  const parsed = parseVersion(version);
  if (parsed === undefined || lines.includes(parsed.minor)) return undefined;
  const known = lines.map((minor) => `v1.${minor}`).join(" and ");
  return `cannot be checked: Bramble has a list of K3s's options for ${known}, and none for v1.${parsed.minor}; use one of these releases, or leave k3s.extra empty`;
}

/**
 * What is wrong with a key under `k3s.extra`, or undefined.
 * @param role undefined for keys that go to all nodes
 * @param version of a line that has a list, see `unknownLineProblem`
 */
export function configKeyProblem(key: string, role: Role | undefined, version: string): string | undefined {
  const setting = settings.get(key);
  if (setting !== undefined) return `is Bramble's to set; use ${setting}`;
  const reason = refused.get(key);
  if (reason !== undefined) return `cannot be set: ${reason}`;
  const servers = [...onServers, ...laterOptions(version)];
  const known =
    role === "server" ? [...onAllNodes, ...servers] : role === "agent" ? [...onAllNodes, ...onAgents] : onAllNodes;
  if (known.includes(key)) return undefined;
  if (role !== "server" && servers.includes(key)) return "is an option of servers; put it under k3s.extra.server";
  if (role !== "agent" && onAgents.includes(key)) return "is an option of agents; put it under k3s.extra.agent";
  const nearest = closest(key, [...known, ...settings.keys()]);
  return `is no option of K3s ${version}, which would skip it${nearest === undefined ? "" : `; did you mean ${nearest}?`}`;
}

function laterOptions(version: string): string[] {
  const [, minor = 0, patch = 0] = parseVersion(version)?.parts ?? [];
  return Object.entries(later).flatMap(([key, since]) => (patch >= (since[minor] ?? Infinity) ? [key] : []));
}

function closest(key: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((name) => ({ name, distance: distanceOf(key, name) }))
    .sort((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= Math.max(2, key.length / 4) ? best.name : undefined;
}

/** Levenshtein's: letters to insert, remove or replace. */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of Array.from(one).entries()) {
    const next = [index + 1];
    for (const [at, against] of Array.from(other).entries())
      next.push(Math.min((next[at] ?? 0) + 1, (row[at + 1] ?? 0) + 1, (row[at] ?? 0) + (letter === against ? 0 : 1)));
    row = next;
  }
  return row.at(-1) ?? 0;
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
