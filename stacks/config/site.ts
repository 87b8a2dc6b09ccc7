import { z } from "zod";
import { access } from "./access.ts";
import { workloadImage } from "./artefact.ts";
import { cloudInitSnippet } from "./cloud-init-snippet.ts";
import { endpoint, host, imageReference, label, publicKey, sha256 } from "./fields.ts";
import { firmware } from "./firmware.ts";
import { experiments, k3s } from "./k3s.ts";
import { network } from "./network.ts";
import { nodeSchema, type SiteNode } from "./node.ts";
import { preparation } from "./preparation.ts";
import { serving, siteModels, siteRegistry } from "./site-models.ts";

const baseImage = z
  .strictObject({
    file: z.string().min(1).optional().describe("its path on this machine"),
    url: z
      .url({ protocol: /^https?$/, hostname: z.regexes.hostname })
      .optional()
      .describe("where it is fetched from, once, into the cache"),
    sha256: sha256.describe("of the file as published: .img, .img.xz, .img.zst or .img.gz"),
  })
  .refine(({ file, url }) => (file === undefined) !== (url === undefined), "must have either file or url")
  .describe("the base image that cards are made from, and its digest");

/** `bramble:site`: one cluster of boards. */
export const siteSchema = z.strictObject({
  name: label.describe("the site's name; every key is derived from it, so it never changes"),
  user: label.default("bramble").describe("the Linux user that Bramble logs in as"),
  adminKeyGeneration: z.int().min(1).default(1).describe("generation of the admin's SSH key"),
  authorizedKeys: z.array(publicKey).default([]).describe("further people's keys that may log in to the nodes"),
  image: baseImage,
  network,
  access: access.prefault({}),
  nodes: z.record(label, nodeSchema).describe("the boards by name"),
  locale: z
    .string()
    .regex(/^(C|[a-z]{2,3}(_[A-Z]{2})?)(\.UTF-8)?$/, "must be a locale such as en_GB.UTF-8")
    .optional()
    .describe("of the nodes' system; without it the image's own"),
  timeZone: z
    .string()
    .regex(/^[A-Z][A-Za-z_]+(\/[A-Za-z0-9_+-]+){0,2}$/, "must be a time zone such as Europe/Madrid")
    .default("Etc/UTC"),
  timeServers: z
    .array(host)
    .default([])
    .describe("NTP servers, asked instead of the image's own; a site with no way out needs one on its network"),
  cloudInit: cloudInitSnippet.optional().describe("cloud-config of your own for every node's first boot"),
  firmware: firmware.prefault({}).describe("firmware settings of all nodes"),
  preparation: preparation.prefault({}),
  k3s,
  offline: z
    .boolean()
    .default(false)
    .describe("take every artefact from the site's bundle (npm run bundle) and fetch nothing"),
  protect: z
    .boolean()
    .default(true)
    .describe("neither destroy nor a removed line takes servers and data disks away; set false first"),
  experiments,
  images: z
    .array(workloadImage)
    .default([])
    .describe("workload image archives to preload, on all nodes or on those named"),
  probe: z
    .strictObject({ image: imageReference.describe("an image with Node 24; it must be on every node") })
    .optional()
    .describe("samples every node's CPU, memory, temperature, throttling and power once a second, for experiments"),
  modelRegistry: endpoint
    .optional()
    .describe("a registry outside the cluster that models are pulled from, host:port, plain HTTP"),
  registry: siteRegistry.optional().describe("a registry in the cluster that models are pulled from, instead"),
  models: siteModels.optional(),
  serving: serving.optional().describe("the way in for clients of the models"),
  timeouts: z
    .strictObject({
      boot: z
        .int()
        .min(10)
        .max(3600)
        .default(300)
        .describe("seconds to wait for a node to answer after its card was written"),
      connect: z.int().min(1).max(120).default(4).describe("seconds that a node may take to answer a call"),
      silence: z
        .int()
        .min(5)
        .max(600)
        .default(15)
        .describe("seconds after which a connection that says nothing counts as broken; more on a thin link"),
      probe: z.int().min(1).max(120).default(10).describe("seconds that reading a node may take during a preview"),
    })
    .prefault({}),
});

export type Site = z.infer<typeof siteSchema>;
export type BaseImage = Site["image"];
export type { SiteNode };

/** A node with its name. */
export interface NamedNode {
  readonly name: string;
  readonly node: SiteNode;
}

/** The site's servers, one or three, in the configuration's order. */
export function serversOf(site: Site): NamedNode[] {
  return withRole(site, "server");
}

/** The server that founds the cluster. */
export function firstServer(site: Site): NamedNode {
  const [first] = serversOf(site);
  if (first === undefined) throw new Error("a site without a server passed its schema");
  return first;
}

/** The site's agents, in the configuration's order. */
export function agentsOf(site: Site): NamedNode[] {
  return withRole(site, "agent");
}

function withRole(site: Site, role: SiteNode["role"]): NamedNode[] {
  return Object.entries(site.nodes).flatMap(([name, node]) => (node.role === role ? [{ name, node }] : []));
}

/** The site's node of this name; that it exists was checked with the configuration. */
export function nodeOf(site: Site, name: string): SiteNode {
  const node = Object.hasOwn(site.nodes, name) ? site.nodes[name] : undefined;
  if (node === undefined) throw new Error(`there is no node ${name} in site ${site.name}`);
  return node;
}
