import { renderYaml } from "../cards/seed/yaml.ts";
import type { K3sSettings } from "../config/k3s.ts";
import { firstServer, nodeOf, serversOf, type Site } from "../config/site.ts";
import type { SiteKeys } from "../keys/site-keys.ts";
import { renderTaints } from "./taints.ts";

const header = "# Kept by Bramble: changes are undone by the next `pulumi up`.\n";
const packaged = ["traefik", "servicelb", "metrics-server", "local-storage"] as const;

/** The tokens that stand in nodes' configurations. */
export type ClusterTokens = Pick<SiteKeys, "serverToken" | "joinToken" | "agentToken" | "agentJoinToken">;

/** A key's value in K3s's config.yaml. */
type Value = string | number | boolean | readonly (string | number)[];

/**
 * Renders a node's /etc/rancher/k3s/config.yaml. Secret, since a token is in it. Whether a server founds the cluster or whom it
 * joins is decided once, on the nodes, see place.ts.
 */
export function renderConfig(site: Site, node: string, keys: ClusterTokens): string {
  const { role, address, address6 } = nodeOf(site, node);
  const { k3s } = site;
  const dual = k3s.clusterCidr.length > 1;
  const config: Record<string, Value> = {
    "node-name": node,
    "node-ip": dual && address6 !== undefined ? `${address},${address6}` : address,
    ...(k3s.interface === undefined ? {} : { "flannel-iface": k3s.interface }),
    ...(k3s.registries?.onlyMirrors === true ? { "disable-default-registry-endpoint": true } : {}),
    "kubelet-arg": kubeletArguments(k3s),
    ...(role === "server" ? serverConfig(site, node, keys) : agentConfig(site, keys)),
  };
  for (const extra of [k3s.extra.all, k3s.extra[role]])
    for (const [key, value] of Object.entries(extra)) {
      const present = config[key];
      // Further arguments of a component come after ours: of two that contradict each other it takes the last.
      config[key] = Array.isArray(present) ? [...(present as string[]), ...[value].flat().map(String)] : value;
    }
  return header + renderYaml(config);
}

function serverConfig(site: Site, node: string, keys: ClusterTokens): Record<string, Value> {
  const { k3s } = site;
  const [other] = serversOf(site).filter(({ name }) => name !== node);
  const disabled = packaged.filter((name) => !k3s.components.includes(name));
  return {
    // Of no account to a server with data of the cluster, but one that was removed from it by hand would found another at its next
    // start if it had nobody to join.
    ...(other === undefined
      ? { token: keys.serverToken }
      : { server: `https://${other.node.address}:6443`, token: keys.joinToken }),
    "agent-token": keys.agentToken,
    // Whoever is asked answers for all: a client may come by any of these names.
    "tls-san": tlsNames(site),
    "cluster-cidr": k3s.clusterCidr.join(","),
    "service-cidr": k3s.serviceCidr.join(","),
    "secrets-encryption": k3s.secretsEncryption,
    ...(disabled.length === 0 ? {} : { disable: disabled }),
    ...(k3s.embeddedRegistry ? { "embedded-registry": true } : {}),
    "etcd-snapshot-schedule-cron": k3s.snapshots.schedule,
    "etcd-snapshot-retention": k3s.snapshots.keep,
    "write-kubeconfig-mode": "0600",
  };
}

function agentConfig(site: Site, keys: ClusterTokens): Record<string, Value> {
  return { server: `https://${urlHost(apiName(site))}:6443`, token: keys.agentJoinToken };
}

function tlsNames(site: Site): string[] {
  const { apiAddress, kubeVip } = site.k3s;
  const servers = serversOf(site).flatMap(({ node }) => [node.address, node.address6]);
  return [...new Set([apiAddress, kubeVip?.address, ...servers].filter((name) => name !== undefined))];
}

/** What agents call first; they learn of all servers from whoever answers, and remember them. */
function apiName(site: Site): string {
  return site.k3s.apiAddress ?? site.k3s.kubeVip?.address ?? firstServer(site).node.address;
}

function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** (kubernetes.io, reference, kubelet.) */
function kubeletArguments({ reserved, eviction, imageCollection, containerLog }: K3sSettings): string[] {
  return [
    `system-reserved=cpu=${reserved.cpuMillis}m,memory=${reserved.memoryMegabytes}Mi`,
    `eviction-hard=memory.available<${eviction.memoryMegabytes}Mi,nodefs.available<${eviction.diskPercent}%,imagefs.available<${eviction.diskPercent}%`,
    `image-gc-high-threshold=${imageCollection.highPercent}`,
    `image-gc-low-threshold=${imageCollection.lowPercent}`,
    `container-log-max-size=${containerLog.megabytes}Mi`,
    `container-log-max-files=${containerLog.files}`,
  ];
}

/**
 * Renders what counts when a node registers and never again: labels and taints that must hold before the first pod lands there.
 * Later they are reconciled through the API, without a restart; and so are labels that a kubelet may not give itself: with one of
 * them it would not start (kubernetes/kubernetes, cmd/kubelet/app/options, validation of --node-labels).
 */
export function renderRegistration(site: Site, node: string): string | undefined {
  const { labels, taints } = nodeOf(site, node);
  const config = {
    "node-label": Object.entries(labels)
      .filter(([key]) => mayLabelItself(key))
      .map(([key, value]) => `${key}=${value}`)
      .sort(),
    "node-taint": renderTaints(taints),
  };
  const given = Object.fromEntries(Object.entries(config).filter(([, list]) => list.length > 0));
  if (Object.keys(given).length === 0) return undefined;
  return header + renderYaml(given);
}

/** Labels of kubelet's and node's own domains stand for themselves; of the well-known ones nobody sets any but the zone and region. */
function mayLabelItself(key: string): boolean {
  const [domain = ""] = key.includes("/") ? key.split("/") : [];
  if (!/(^|\.)(kubernetes|k8s)\.io$/.test(domain)) return true;
  if (/(^|\.)(kubelet|node)\.kubernetes\.io$/.test(domain)) return true;
  return ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"].includes(key);
}
