import { stringify } from "yaml";
import { nodeOf, serverOf, type Site } from "../config/site.ts";
import type { SiteKeys } from "../keys/site-keys.ts";

const header = "# Kept by Bramble: changes are undone by the next `pulumi up`.\n";

/** Renders a node's /etc/rancher/k3s/config.yaml. Secret, since the token is in it. */
export function renderConfig(site: Site, node: string, keys: Pick<SiteKeys, "serverToken" | "joinToken">): string {
  const { role, address, labels } = nodeOf(site, node);
  const common = {
    "node-name": node,
    "node-ip": address,
    ...(Object.keys(labels).length === 0 ? {} : { "node-label": renderLabels(labels) }),
  };
  const config =
    role === "server"
      ? {
          // Embedded etcd from the first day: without it a single server is SQLite, which has no snapshots and cannot grow.
          "cluster-init": true,
          ...common,
          token: keys.serverToken,
          disable: ["traefik", "servicelb", "metrics-server", "local-storage"],
          "write-kubeconfig-mode": "0600",
        }
      : { server: `https://${serverOf(site).node.address}:6443`, ...common, token: keys.joinToken };
  return header + stringify(config, { lineWidth: 0, version: "1.1" });
}

function renderLabels(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort();
}
