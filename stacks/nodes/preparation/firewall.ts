import { probePort } from "../../../workloads/probe/daemon-set.ts";
import type { Site } from "../../config/site.ts";
import { textFile } from "../../remote/phase.ts";
import { header, type PhasePart } from "./part.ts";

const rulesFile = "/etc/bramble/firewall.nft";
const unit = "bramble-firewall.service";
const unitFile = `/etc/systemd/system/${unit}`;

/** The ports that K3s's nodes use between themselves (docs.k3s.io, Requirements, Inbound Rules for K3s Nodes). */
const guarded = {
  /** etcd, the kubelet, the embedded registry; and the probe. */
  tcp: ["2379-2380", "5001", String(probePort), "10250"],
  /** Flannel's VXLAN, and its WireGuard with IPv4 and IPv6. */
  udp: ["8472", "51820-51821"],
};
/** Only the site's nodes and pods reach the ports that K3s uses between nodes. SSH, the API server and NodePorts stay open to all. */
export function firewall(site: Site): PhasePart {
  return {
    packages: [{ name: "nftables", state: "installed" }],
    files: [textFile(rulesFile, renderRules(site)), textFile(unitFile, unitText)],
    units: [{ name: unit, enabled: true, active: true }],
    steps: [
      {
        title: "loaded the firewall's rules",
        run: ["systemctl", "reload-or-restart", unit],
        after: [rulesFile, unitFile],
        limit: 60,
      },
    ],
  };
}

/**
 * Rules for nft, which takes the whole file or nothing. A table of its own, so that neither K3s's rules nor anybody else's are
 * touched. All `accept` here leaves the last word to other tables; only `drop` is final (nft(8), verdicts).
 */
export function renderRules(site: Site): string {
  const nodes = Object.values(site.nodes);
  const set = (name: string, type: string, elements: readonly string[]) =>
    `  set ${name} {\n    type ${type}\n${elements.length === 0 ? "" : `    elements = { ${[...elements].sort().join(", ")} }\n`}  }\n`;
  const fromPods = site.k3s.clusterCidr.map((range) => `${range.includes(":") ? "ip6" : "ip"} saddr ${range}`);
  return `${header}# Both lines: the first makes the second right where there is no such table yet.
table inet bramble
delete table inet bramble
table inet bramble {
${set(
  "nodes4",
  "ipv4_addr",
  nodes.map(({ address }) => address),
)}${set(
    "nodes6",
    "ipv6_addr",
    nodes.flatMap(({ address6 }) => address6 ?? []),
  )}
  chain input {
    type filter hook input priority filter; policy accept;
    tcp dport { ${guarded.tcp.join(", ")} } jump between-nodes
    udp dport { ${guarded.udp.join(", ")} } jump between-nodes
  }

  chain between-nodes {
    # What a node says to itself; its own pods, and those of other nodes through Flannel.
    iifname { "lo", "cni0", "flannel.1", "flannel-v6.1", "flannel-wg", "flannel-wg-v6" } accept
    ct state established,related accept
    ip saddr @nodes4 accept
    ip6 saddr @nodes6 accept
    # Pods of other nodes where packets are routed without an overlay. Not for VXLAN: it needs no answer, so a source is easily forged.
${fromPods.map((from) => `    meta l4proto tcp ${from} accept\n`).join("")}    counter drop
  }
}
`;
}

const unitText = `${header}[Unit]
Description=Firewall for the ports between K3s's nodes
DefaultDependencies=no
# Debian's own service empties all tables when it starts.
After=local-fs.target nftables.service
PartOf=nftables.service
Wants=network-pre.target
Before=network-pre.target shutdown.target k3s.service k3s-agent.service
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=/usr/sbin/nft --check --file ${rulesFile}
ExecStart=/usr/sbin/nft --file ${rulesFile}
ExecReload=/usr/sbin/nft --check --file ${rulesFile}
ExecReload=/usr/sbin/nft --file ${rulesFile}
ExecStop=-/usr/sbin/nft delete table inet bramble

[Install]
WantedBy=multi-user.target
`;
