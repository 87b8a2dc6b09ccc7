import { z } from "zod";
import { artefact, endpoint, ipv4, label, sha256 } from "./fields.ts";

const labelKey = z
  .string()
  .regex(/^([a-z0-9.-]+\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, "must be a Kubernetes label key");
const labelValue = z
  .string()
  .regex(/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/, "must be a Kubernetes label value");

const node = z.strictObject({
  role: z.enum(["server", "agent"]).describe("server runs the control plane and etcd; agent only workloads"),
  address: ipv4.describe("the node's static IPv4 address"),
  generation: z
    .int()
    .min(1)
    .default(1)
    .describe("raise it by one to write a new card with new host keys under the same name"),
  labels: z.record(labelKey, labelValue).default({}).describe("Kubernetes labels of the node"),
});

const network = z.strictObject({
  prefix: z.int().min(8).max(30).describe("length of the subnet's prefix, for example 24"),
  gateway: ipv4.describe("the default route"),
  nameservers: z.array(ipv4).default([]).describe("DNS servers; none for a site with no way out"),
  interface: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,14}$/)
    .default("eth0")
    .describe("the boards' network interface"),
});

const k3s = z.strictObject({
  version: z
    .string()
    .regex(/^v1\.\d+\.\d+\+k3s\d+$/, "must be a K3s release such as v1.34.2+k3s1")
    .describe("the K3s release that the artefacts are"),
  binary: artefact.describe("the k3s executable for the boards' architecture"),
  images: z.array(artefact).default([]).describe("K3s's own air-gap image archives"),
  tokenGeneration: z
    .int()
    .min(1)
    .default(1)
    .describe("generation of the join tokens; changed only by the rotation procedure"),
});

/** `bramble:site`: one cluster of boards. */
export const siteSchema = z.strictObject({
  name: label.describe("the site's name; every key is derived from it, so it never changes"),
  user: label.default("bramble").describe("the Linux user that Bramble logs in as"),
  adminKeyGeneration: z.int().min(1).default(1).describe("generation of the admin's SSH key"),
  image: z
    .strictObject({ file: z.string().min(1), sha256 })
    .describe("the base image that cards are made from, and its digest"),
  network,
  nodes: z.record(label, node).describe("the boards by name"),
  k3s,
  images: z
    .array(artefact.extend({ nodes: z.array(label).min(1).optional() }))
    .default([])
    .describe("workload image archives to preload, on all nodes or on those named"),
  modelRegistry: endpoint.optional().describe("the registry that models are pulled from, plain HTTP"),
  timeouts: z
    .strictObject({
      boot: z
        .int()
        .min(10)
        .max(3600)
        .default(300)
        .describe("seconds to wait for a node to answer after its card was written"),
      probe: z.int().min(1).max(120).default(10).describe("seconds that reading a node may take during a preview"),
    })
    .prefault({}),
});

export type Site = z.infer<typeof siteSchema>;
export type SiteNode = Site["nodes"][string];

/** The site's only server, which agents join through. */
export function serverOf(site: Site): { name: string; node: SiteNode } {
  for (const [name, node] of Object.entries(site.nodes)) if (node.role === "server") return { name, node };
  throw new Error("a site without a server passed its schema");
}

/** The site's node of this name; that it exists was checked with the configuration. */
export function nodeOf(site: Site, name: string): SiteNode {
  const node = Object.hasOwn(site.nodes, name) ? site.nodes[name] : undefined;
  if (node === undefined) throw new Error(`there is no node ${name} in site ${site.name}`);
  return node;
}
