import { z } from "zod";
import { contentDigest, imageReference, label } from "./fields.ts";

const modelReference = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._/-]*[a-z0-9])?:[A-Za-z0-9._-]+$/, "must be name:tag, for example gemma3:270m");

const variant = z.strictObject({
  threads: z.int().min(1).max(128).describe("Ollama's num_thread, set on each request"),
  context: z.int().min(128).max(131072).default(1024).describe("Ollama's num_ctx in tokens, set on each request"),
});

const scenario = z.strictObject({
  prompts: label.describe("a prompt set: the name of a file in workloads/prompts"),
  requests: z.int().min(1).max(10_000).default(5).describe("streamed requests in a run, one after the other"),
  warmup: z.int().min(0).max(100).default(1).describe("requests before them that are kept apart"),
  maxTokens: z.int().min(1).max(8192).describe("Ollama's num_predict"),
});

/** `bramble:experiment`: what to measure on a site. */
export const experimentSchema = z.strictObject({
  site: label.describe("the site's Pulumi stack"),
  series: z.int().min(1).default(1).describe("raise it to measure the same experiment again"),
  model: z.strictObject({
    reference: modelReference,
    digest: contentDigest.describe("the model manifest's digest, as /api/tags reports it"),
  }),
  images: z.strictObject({
    ollama: imageReference.describe("the Ollama server's image"),
    runner: imageReference.describe("an image with Node 24 for the benchmark"),
  }),
  nodes: z.strictObject({
    model: label.describe("the node that Ollama runs on"),
    runner: label.describe("the node that sends the requests"),
  }),
  variants: z.record(label, variant).refine((all) => Object.keys(all).length > 0, "must name at least one variant"),
  scenarios: z.record(label, scenario).refine((all) => Object.keys(all).length > 0, "must name at least one scenario"),
  blocks: z.int().min(1).max(1000).default(10).describe("repetitions of all runs; the unit that a comparison pairs"),
  seed: z.int().min(0).default(1).describe("orders the runs in a block and seeds the model's sampling"),
  primary: z
    .enum(["decode-rate", "time-to-first-token", "end-to-end"])
    .default("decode-rate")
    .describe("the one metric that a comparison decides on"),
  memory: z
    .string()
    .regex(/^\d+Mi$/)
    .default("2048Mi")
    .describe("memory limit of the Ollama server"),
});

export type Experiment = z.infer<typeof experimentSchema>;
export type Variant = Experiment["variants"][string];
export type Scenario = Experiment["scenarios"][string];
