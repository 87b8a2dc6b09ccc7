import { z } from "zod";
import type { Conflict } from "./conflict.ts";
import { experimentSchema } from "./experiment.ts";
import { httpUrl, imageReference, label, port } from "./fields.ts";

/** A model is served as it is measured: what an experiment can set of a server, a site can, by the same names. */
const { reference, digest } = experimentSchema.shape.models.valueType.shape;
const server = experimentSchema.shape.server.unwrap().shape;

/** Its Deployment is named ollama-<label>-<12 digits> at the longest, which must be a DNS label too. */
const modelLabel = label.max(40, "must have at most 40 characters");

const servedModel = z
  .strictObject({
    reference,
    digest,
    nodes: z
      .array(label)
      .min(1, "must name at least one node")
      .refine((all) => new Set(all).size === all.length, "must not name a node twice")
      .optional()
      .describe("the nodes that serve it, one server each"),
    count: z.int().min(1).max(256).optional().describe("on so many nodes that Kubernetes chooses, never two on one"),
    threads: z.int().min(1).max(128).describe("num_thread, in the derived model that is served"),
    context: z
      .int()
      .min(128)
      .max(131_072)
      .default(4096)
      .describe("num_ctx in tokens, in the derived model: what one answer has, prompt included"),
    system: z
      .string()
      .min(1)
      .max(16_384)
      .optional()
      .describe("the system prompt of requests that bring none, in the derived model; without it the model's own"),
    ...server,
    queue: z
      .int()
      .min(1)
      .max(1000)
      .default(8)
      .describe("requests that wait for a free server; further ones are told to come back later (503)"),
  })
  .refine(
    ({ nodes, count }) => (nodes === undefined) !== (count === undefined),
    "must have either nodes or count: where it is served",
  )
  .refine(
    ({ kvCache, flashAttention }) => kvCache === "f16" || flashAttention,
    "has a kvCache that Ollama ignores without flashAttention: true",
  );

/** `bramble:site.models`: models that the site serves to users on its network. */
export const siteModels = z
  .record(modelLabel, servedModel)
  .refine((models) => !("v1" in models), "must not name a model v1, which is a part of every path")
  .describe("models that the site serves, by the name that clients use");

/** `bramble:site.serving`: the way in for clients of the models. */
export const serving = z.strictObject({
  images: z.strictObject({
    ollama: imageReference.describe("the Ollama server's image, with a shell, flock and sha256sum"),
    proxy: imageReference.describe(
      "HAProxy's image, 2.5 or newer, with a shell; it must be on every node, or one that they can pull",
    ),
  }),
  default: modelLabel.optional().describe("the model that answers at /v1; not needed where there is only one"),
  clients: z
    .array(label)
    .min(1, "must name at least one client: without a key nobody is answered")
    .refine((all) => new Set(all).size === all.length, "must not name a client twice")
    .describe("people and programs with an API key of their own, by name; their names stand in the proxy's log"),
  port: z
    .int()
    .min(30_000)
    .max(32_767)
    .default(30_080)
    .describe("where clients ask, on every node (a NodePort, plain HTTP)"),
  replicas: z
    .int()
    .min(1)
    .max(8)
    .default(1)
    .describe("proxies; with two the loss of a node is not noticed, but each counts and queues for itself"),
});

/** `bramble:site.registry`: the site's own registry for models and images, in its cluster. */
export const siteRegistry = z.strictObject({
  node: label.describe("the node that holds it"),
  port: port.min(1024, "must be above 1023").default(5000).describe("where it answers, on that node, plain HTTP"),
  images: z.strictObject({
    registry: imageReference.describe("distribution's registry, 2.8 or 3"),
    nginx: imageReference,
  }),
  writers: z
    .array(
      z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], { error: "must be an address or a range of addresses" }),
    )
    .default([])
    .describe("who may push, by address or range; nobody by default"),
  upstream: httpUrl
    .optional()
    .describe(
      "a registry that this one is a copy of: what is not here is fetched there once, and nothing can be pushed",
    ),
});

export type SiteModels = z.infer<typeof siteModels>;
export type ServedModel = SiteModels[string];
export type Serving = z.infer<typeof serving>;
export type SiteRegistry = z.infer<typeof siteRegistry>;

/** A site's parts that its serving depends on; undefined is what its configuration leaves out. */
export interface SiteWithModels {
  readonly nodes: Readonly<Record<string, unknown>>;
  readonly models?: SiteModels | undefined;
  readonly serving?: Serving | undefined;
  readonly registry?: SiteRegistry | undefined;
  readonly modelRegistry?: unknown;
}

/** What contradicts itself between the site's nodes, its models, the way to them and its registry. */
export function findModelConflicts(site: SiteWithModels): Conflict[] {
  const { nodes, models = {}, serving: way, registry } = site;
  const labels = Object.keys(models);
  const there = (name: string, path: Conflict["path"]) =>
    Object.hasOwn(nodes, name) ? [] : [{ path, message: `there is no node ${name} in this site` }];
  const conflicts = Object.entries(models).flatMap(([name, model]): Conflict[] => [
    ...(model.nodes ?? []).flatMap((node, index) => there(node, ["models", name, "nodes", index])),
    ...(model.count !== undefined && model.count > Object.keys(nodes).length
      ? [{ path: ["models", name, "count"], message: `${model.count} are more than the site has nodes` }]
      : []),
  ]);
  if (registry !== undefined) conflicts.push(...there(registry.node, ["registry", "node"]));
  if (registry !== undefined && site.modelRegistry !== undefined)
    conflicts.push({
      path: ["modelRegistry"],
      message: "is not asked where the site has a registry; leave one out",
    });
  if (registry?.upstream !== undefined && registry.writers.length > 0)
    conflicts.push({
      path: ["registry", "writers"],
      message: "can't push to a copy of another registry; leave one out",
    });
  if (labels.length > 0 && way === undefined)
    conflicts.push({ path: ["serving"], message: "is missing; models need it: images and clients" });
  if (labels.length === 0 && way !== undefined)
    conflicts.push({ path: ["serving"], message: "is the way to models, but the site has none" });
  if (labels.length > 1 && way !== undefined && way.default === undefined)
    conflicts.push({ path: ["serving", "default"], message: `is missing; one of ${labels.join(", ")} answers at /v1` });
  if (labels.length > 0 && way?.default !== undefined && !labels.includes(way.default))
    conflicts.push({ path: ["serving", "default"], message: `names ${way.default}, which models has not` });
  return conflicts;
}

/** The model that answers at /v1; that there is one was checked with the configuration. */
export function defaultModel(models: SiteModels, way: Serving): string {
  const chosen = way.default ?? Object.keys(models)[0];
  if (chosen === undefined) throw new Error("a site without models passed its checks");
  return chosen;
}
