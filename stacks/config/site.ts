import { z } from "zod";
import { access } from "./access.ts";
import { cloudInitSnippet } from "./cloud-init-snippet.ts";
import { artefact, endpoint, host, label, publicKey, sha256 } from "./fields.ts";
import { firmware } from "./firmware.ts";
import { network } from "./network.ts";
import { nodeSchema, type SiteNode } from "./node.ts";
import { preparation } from "./preparation.ts";

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
