import { X509Certificate } from "node:crypto";
import { z } from "zod";
import { parseRange } from "./address-range.ts";
import { artefactSource } from "./artefact.ts";
import { isCronSchedule } from "./cron-schedule.ts";
import { host, httpUrl, imageReference, ipAddress, label } from "./fields.ts";

const percent = z.int().min(1).max(99);

const range = z
  .string()
  .refine((text) => parseRange(text) !== undefined, "must be an address range such as 10.42.0.0/16");

const interfaceName = z.string().regex(/^[a-z][a-z0-9.-]{0,14}$/, "must be a network interface such as eth0");

/** What a program takes as an argument: letters, digits, signs and spaces, on one line however YAML counts lines. */
const argument = z.string().regex(/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u, "must be printable text on one line");

/** A value that K3s's config.yaml takes for a key. Fractions and large numbers are strings: YAML's versions read them differently. */
const k3sValue = z.union([argument, z.int(), z.boolean(), z.array(z.union([argument, z.int()]))], {
  error: "must be printable text on one line, a whole number, true, false, or a list of these texts and numbers",
});

/** One certificate or several, and nothing else: no key, no text between them. */
const certificates = z
  .string()
  .refine(areCertificates, "must be one or more certificates in PEM form, and nothing else");

const registryHost = z
  .string()
  .regex(/^(\*|[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?)$/, "must be a registry's host");

const registries = z.strictObject({
  mirrors: z
    .record(
      registryHost,
      z.strictObject({
        endpoints: z.array(httpUrl).default([]),
        rewrite: z.record(argument, argument).default({}),
      }),
    )
    .default({})
    .describe("where images of a registry are fetched from instead, in order; * stands for all registries"),
  authorities: z
    .record(registryHost, certificates)
    .default({})
    .describe("certificate authorities (PEM) of registries of your own"),
  insecure: z.array(registryHost).default([]).describe("registries whose certificates nobody checks"),
  onlyMirrors: z
    .boolean()
    .default(false)
    .describe("never ask a registry itself where it has mirrors: for sites with no way out"),
});

/** `bramble:site.k3s`: the cluster. */
export const k3s = z.strictObject({
  version: z
    .string()
    .regex(/^v1\.\d+\.\d+\+k3s\d+$/, "must be a K3s release such as v1.34.2+k3s1")
    .describe("the K3s release that the artefacts are; another one upgrades the cluster, a minor version at a time"),
  binary: artefactSource.describe("the k3s executable for the boards' architecture"),
  images: z.array(artefactSource).default([]).describe("K3s's own air-gap image archives"),
  tokenGeneration: z.int().min(1).default(1).describe("generation of the join tokens; raise it by one to replace them"),
  apiAddress: host
    .optional()
    .describe(
      "a virtual address or DNS name of yours that leads to a live server; without it one is chosen at each update",
    ),
  kubeVip: z
    .strictObject({
      address: ipAddress.describe("a free address in the servers' subnet that moves to a live server"),
      interface: interfaceName
        .optional()
        .describe("the servers' interface that it moves between; network.interface without it"),
      image: imageReference.default("ghcr.io/kube-vip/kube-vip:v1.0.2"),
    })
    .optional()
    .describe("lets kube-vip hold a virtual address of the API; shown on no twin: only boards have what it needs"),
  components: z
    .array(z.enum(["traefik", "servicelb", "metrics-server", "local-storage"]))
    .default([])
    .describe("K3s's packaged components that run; none by default, so that the memory is the models'"),
  secretsEncryption: z.boolean().default(true).describe("encrypt Secrets in etcd; decided when the cluster is made"),
  clusterCidr: z
    .array(range)
    .min(1)
    .max(2)
    .default(["10.42.0.0/16"])
    .describe("the pods' addresses, an IPv4 and an IPv6 range for dual stack; decided when the cluster is made"),
  serviceCidr: z
    .array(range)
    .min(1)
    .max(2)
    .default(["10.43.0.0/16"])
    .describe("the Services' addresses; decided when the cluster is made"),
  interface: interfaceName
    .optional()
    .describe("the interface that pods' traffic between nodes takes; K3s finds the one of the node's address"),
  reserved: z
    .strictObject({
      memoryMegabytes: z.int().min(0).max(16384).default(384),
      cpuMillis: z.int().min(0).max(4000).default(200),
    })
    .prefault({})
    .describe("what pods cannot have of a node: the system, the kubelet and containerd need it"),
  eviction: z
    .strictObject({
      memoryMegabytes: z.int().min(10).max(4096).default(100),
      diskPercent: percent.max(50).default(5),
    })
    .prefault({})
    .describe("with less than this left, the kubelet ends pods"),
  imageCollection: z
    .strictObject({ highPercent: percent.default(85), lowPercent: percent.default(75) })
    .refine(({ highPercent, lowPercent }) => lowPercent < highPercent, "lowPercent must be less than highPercent")
    .prefault({})
    .describe("unused images go when the disk is fuller than the high mark, until it is down to the low one"),
  containerLog: z
    .strictObject({ megabytes: z.int().min(1).max(1024).default(10), files: z.int().min(2).max(20).default(3) })
    .prefault({})
    .describe("a container's log is cut at this size, and so many pieces are kept"),
  proxy: z
    .strictObject({
      http: httpUrl.optional(),
      https: httpUrl.optional(),
      exclude: z
        .array(z.string().regex(/^[A-Za-z0-9.:*/_-]+$/, "must be a host name, a domain, an address or a range"))
        .default([])
        .describe("hosts that are reached without it"),
    })
    .refine(({ http, https }) => http !== undefined || https !== undefined, "must have http, https or both")
    .optional()
    .describe(
      "an HTTP proxy that K3s and containerd fetch through; the site's own addresses are excluded by themselves",
    ),
  registries: registries.optional().describe("where container images come from"),
  embeddedRegistry: z
    .boolean()
    .default(false)
    .describe("nodes fetch images of the registries named under registries from one another first"),
  snapshots: z
    .strictObject({
      schedule: z
        .string()
        .refine(isCronSchedule, "must be a cron schedule of five fields, such as 0 */6 * * *")
        .default("0 */6 * * *"),
      keep: z.int().min(1).max(200).default(8),
    })
    .prefault({})
    .describe("etcd snapshots that each server takes by itself and keeps on its own disk"),
  maxUnavailable: z
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe("how many agents may be away at once while they are upgraded or restarted"),
  drainSeconds: z
    .int()
    .min(10)
    .max(7200)
    .default(300)
    .describe("how long a node may take to empty itself before an upgrade; then the upgrade stops"),
  extra: z
    .strictObject({
      all: z.record(z.string(), k3sValue).default({}),
      server: z.record(z.string(), k3sValue).default({}),
      agent: z.record(z.string(), k3sValue).default({}),
    })
    .prefault({})
    .describe("any other keys of K3s's config.yaml, on all nodes, on servers, on agents"),
});

function areCertificates(text: string): boolean {
  const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*/g;
  const found = text.match(block) ?? [];
  if (found.length === 0 || found.join("") !== text) return false;
  try {
    return found.every((certificate) => new X509Certificate(certificate).fingerprint256 !== "");
  } catch {
    return false;
  }
}

export type K3sSettings = z.infer<typeof k3s>;
export type Registries = z.infer<typeof registries>;

/** Experiments' stacks that a site lets in. */
export const experiments = z
  .array(label)
  .default([])
  .describe("stacks of experiments that may run here: each gets a namespace, and credentials for that alone");
