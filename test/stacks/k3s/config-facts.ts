import { z } from "zod";
import { nodeOf, type Site } from "../../../stacks/config/site.ts";
import { exampleTokens } from "./valid-site.ts";

const texts = z.array(z.string());
const configSchema = z.looseObject({
  "node-name": z.string(),
  "node-ip": z.string(),
  token: z.string(),
  "flannel-iface": z.string().optional(),
  "kubelet-arg": texts,
  "pause-image": z.string(),
  "cluster-cidr": z.string().optional(),
  "service-cidr": z.string().optional(),
  "secrets-encryption": z.boolean().optional(),
  disable: texts.optional(),
  "tls-san": texts.optional(),
  "etcd-snapshot-schedule-cron": z.string().optional(),
  v: z.int().optional(),
});

/** What a config.yaml says, in the words of the configuration. */
export function configFacts(config: unknown) {
  const read = configSchema.parse(config);
  const componentArguments = read["kubelet-arg"];
  return {
    name: read["node-name"],
    addresses: read["node-ip"].split(","),
    token: read.token,
    interface: read["flannel-iface"],
    limits: componentArguments.slice(0, 6),
    kubeletArguments: componentArguments.slice(6),
    pauseImage: read["pause-image"],
    clusterCidr: read["cluster-cidr"]?.split(","),
    serviceCidr: read["service-cidr"]?.split(","),
    secretsEncryption: read["secrets-encryption"],
    disabled: read.disable,
    names: read["tls-san"],
    schedule: read["etcd-snapshot-schedule-cron"],
    verbosity: read.v,
  };
}

/** What it must say. */
export function expectedConfig(site: Site, node: string): ReturnType<typeof configFacts> {
  const { role, address, address6 } = nodeOf(site, node);
  const { k3s } = site;
  const server = role === "server";
  const servers = Object.values(site.nodes).filter((other) => other.role === "server");
  const components = ["traefik", "servicelb", "metrics-server", "local-storage"] as const;
  return {
    name: node,
    addresses: address6 === undefined ? [address] : [address, address6],
    token: server
      ? servers.length > 1
        ? exampleTokens.joinToken
        : exampleTokens.serverToken
      : exampleTokens.agentJoinToken,
    interface: k3s.interface,
    limits: [
      "system-reserved=cpu=200m,memory=384Mi",
      "eviction-hard=memory.available<100Mi,nodefs.available<5%,imagefs.available<5%",
      "image-gc-high-threshold=85",
      "image-gc-low-threshold=75",
      "container-log-max-size=10Mi",
      "container-log-max-files=3",
    ],
    kubeletArguments: k3s.extra.all["kubelet-arg"] as string[],
    pauseImage: k3s.extra.all["pause-image"] as string,
    clusterCidr: server ? k3s.clusterCidr : undefined,
    serviceCidr: server ? k3s.serviceCidr : undefined,
    secretsEncryption: server ? k3s.secretsEncryption : undefined,
    disabled: server ? components.filter((name) => !k3s.components.includes(name)) : undefined,
    names: server
      ? [
          ...(k3s.apiAddress === undefined ? [] : [k3s.apiAddress]),
          ...servers.flatMap((other) => [other.address, ...(other.address6 === undefined ? [] : [other.address6])]),
          "k3s.example.net",
        ]
      : undefined,
    schedule: server ? k3s.snapshots.schedule : undefined,
    verbosity: server ? (k3s.extra.server.v as number) : undefined,
  };
}

const registrationSchema = z.strictObject({ "node-label": texts.default([]), "node-taint": texts.default([]) });

/** Labels and taints of a registration file, read as the kubelet reads them. */
export function registrationFacts(registration: unknown) {
  const read = registrationSchema.parse(registration);
  const split = (text: string, separator: string) => {
    const at = text.indexOf(separator);
    return [text.slice(0, at === -1 ? undefined : at), at === -1 ? "" : text.slice(at + 1)] as const;
  };
  return {
    labels: Object.fromEntries(read["node-label"].map((text) => split(text, "="))),
    taints: Object.fromEntries(
      read["node-taint"].map((text) => {
        const [name, effect] = split(text, ":");
        const [key, value] = split(name, "=");
        return [key, { value, effect }];
      }),
    ),
  };
}

export function expectedRegistration(site: Site, node: string): ReturnType<typeof registrationFacts> {
  const { labels, taints } = nodeOf(site, node);
  return {
    labels: { ...labels },
    taints: Object.fromEntries(
      Object.entries(taints).map(([key, taint]) => [
        key,
        typeof taint === "string" ? { value: "", effect: taint } : { ...taint },
      ]),
    ),
  };
}
