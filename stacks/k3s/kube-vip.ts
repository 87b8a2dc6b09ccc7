import { renderYaml } from "../cards/seed/yaml.ts";
import type { Site } from "../config/site.ts";

/** K3s's kubelet runs what lies here by itself, before there is an API (k3s-io/k3s, pkg/agent/config/config.go, PodManifests). */
export const kubeVipPath = "/var/lib/rancher/k3s/agent/pod-manifests/kube-vip.yaml";

/**
 * Renders the static pod that moves the site's virtual address to a live server, by ARP (kube-vip.io/docs/installation/static),
 * or undefined where the site has none. Not measured here: a container's bridge is no proof of what a switch does.
 */
export function renderKubeVip({ network, k3s: { kubeVip } }: Site): string | undefined {
  if (kubeVip === undefined) return undefined;
  // As `kube-vip manifest pod --controlplane --arp --leaderElection` of this version writes it.
  const environment = {
    vip_arp: "true",
    port: "6443",
    vip_interface: kubeVip.interface ?? network.interface,
    vip_subnet: kubeVip.address.includes(":") ? "128" : "32",
    cp_enable: "true",
    cp_namespace: "kube-system",
    vip_leaderelection: "true",
    vip_leasename: "plndr-cp-lock",
    vip_leaseduration: "5",
    vip_renewdeadline: "3",
    vip_retryperiod: "1",
    address: kubeVip.address,
  };
  // By which the servers tell one another apart when they elect who has the address.
  const identity = { name: "vip_nodename", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } };
  return renderYaml({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "kube-vip", namespace: "kube-system" },
    spec: {
      hostNetwork: true,
      priorityClassName: "system-node-critical",
      // kube-vip calls its API by this name, which K3s's certificate has: the one on its own server.
      hostAliases: [{ ip: "127.0.0.1", hostnames: ["kubernetes"] }],
      containers: [
        {
          name: "kube-vip",
          image: kubeVip.image,
          imagePullPolicy: "IfNotPresent",
          args: ["manager"],
          env: [identity, ...Object.entries(environment).map(([name, value]) => ({ name, value }))],
          securityContext: { capabilities: { drop: ["ALL"], add: ["NET_ADMIN", "NET_RAW"] } },
          volumeMounts: [{ name: "kubeconfig", mountPath: "/etc/kubernetes/admin.conf", readOnly: true }],
        },
      ],
      // Where K3s keeps an administrator's kubeconfig.
      volumes: [{ name: "kubeconfig", hostPath: { path: "/etc/rancher/k3s/k3s.yaml", type: "FileOrCreate" } }],
    },
  });
}
