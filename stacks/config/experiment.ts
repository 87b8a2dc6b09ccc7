import { z } from "zod";
import { contentDigest, imageReference, label } from "./fields.ts";

const modelReference = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._/-]*[a-z0-9])?:[A-Za-z0-9._-]+$/, "must be name:tag, for example gemma3:270m");

const model = z.strictObject({
  reference: modelReference.describe("as Ollama names it: name:tag, the tag with its quantisation"),
  digest: contentDigest
    .optional()
    .describe("the manifest's digest, as /api/tags reports it; without it models.lock.json has it"),
});

/** A dimension's values: what differs between variants. */
function values<Value extends z.ZodType>(value: Value) {
  return z
    .array(value)
    .min(1, "must hold at least one value")
    .refine((all) => new Set(all).size === all.length, "must not hold a value twice");
}

const variants = z.strictObject({
  model: values(label).optional().describe("names of models; by default all"),
  node: values(label).optional().describe("nodes that serve; by default all of nodes.models"),
  threads: values(z.int().min(1).max(128)).describe("Ollama's num_thread, set on each request"),
  context: values(z.int().min(128).max(131072))
    .default([1024])
    .describe("Ollama's num_ctx in tokens, set on each request"),
  modules: values(z.string().regex(/^[a-z]+(\+[a-z]+)*$/, "must be none, all, every, or modules joined by +"))
    .default(["none"])
    .describe("prompt modules around each task: none, all, every (each combination), or some, joined by +"),
});

const load = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("closed"),
    users: z.int().min(1).max(256).default(1).describe("who ask at once, each again as soon as the answer is there"),
  }),
  z.strictObject({
    kind: z.enum(["constant", "poisson"]),
    rate: z.number().positive().max(1000).describe("requests per second, whatever is still being answered"),
  }),
  z.strictObject({
    kind: z.literal("burst"),
    size: z.int().min(1).max(256).describe("requests at once"),
    interval: z.number().positive().max(3600).describe("seconds from burst to burst"),
  }),
]);

const scenario = z
  .strictObject({
    prompts: label.optional().describe("a prompt set: the name of a file in workloads/prompts"),
    suite: z.string().min(1).optional().describe("an accuracy suite: a name in workloads/accuracy, or a JSONL file"),
    items: z
      .int()
      .min(1)
      .max(2000)
      .optional()
      .describe("so many items of the suite, drawn with the seed; by default all"),
    requests: z
      .int()
      .min(1)
      .max(10_000)
      .default(5)
      .describe("measured requests in a run; a suite's items say it themselves"),
    warmup: z.int().min(0).max(100).default(1).describe("requests before them that are kept apart"),
    maxTokens: z.int().min(1).max(8192).describe("Ollama's num_predict"),
    cold: z.boolean().default(false).describe("unload the model before each request, to measure its loading"),
    load: load.default({ kind: "closed", users: 1 }).describe("how requests follow each other"),
  })
  .refine(
    ({ prompts, suite }) => (prompts === undefined) !== (suite === undefined),
    "must name either prompts or suite",
  )
  .refine(({ suite, items }) => suite !== undefined || items === undefined, "has items, which belong to a suite")
  .refine(
    ({ cold, load: { kind, ...rest } }) => !cold || (kind === "closed" && "users" in rest && rest.users === 1),
    "is cold, which one user in a closed loop can measure alone",
  );

const server = z
  .strictObject({
    parallel: z.int().min(1).max(64).default(1).describe("OLLAMA_NUM_PARALLEL: answers at once, each with a context"),
    maxLoaded: z.int().min(1).max(8).default(1).describe("OLLAMA_MAX_LOADED_MODELS"),
    keepAlive: z
      .string()
      .regex(/^(-1|\d+(ms|s|m|h))$/, "must be -1 or a duration such as 10m")
      .default("-1")
      .describe("OLLAMA_KEEP_ALIVE: how long an idle model stays loaded; -1 is for ever"),
    kvCache: z.enum(["f16", "q8_0", "q4_0"]).default("f16").describe("OLLAMA_KV_CACHE_TYPE"),
    flashAttention: z.boolean().default(false).describe("OLLAMA_FLASH_ATTENTION"),
    promptCache: z
      .int()
      .min(0)
      .max(65_536)
      .default(0)
      .describe("LLAMA_ARG_CACHE_RAM in MiB; only read by an Ollama that runs an external llama-server"),
  })
  .refine(
    ({ kvCache, flashAttention }) => kvCache === "f16" || flashAttention,
    "has a kvCache that Ollama ignores without flashAttention: true",
  );

const reference = z.strictObject({
  model: label.describe("the name of one of the models"),
  threads: z.int().min(1).max(128),
  context: z.int().min(128).max(131072).default(1024),
  prompts: label.default("short-questions"),
  requests: z.int().min(1).max(1000).default(3),
  maxTokens: z.int().min(1).max(8192).default(32),
});

const coolDown = z.strictObject({
  below: z.number().min(20).max(85).describe("degrees Celsius that the serving node may have when a run begins"),
  limit: z.int().min(1).max(3600).default(300).describe("seconds that it is waited for"),
});

const notReserved = (all: object) => !("reference" in all);
const some = (all: object) => Object.keys(all).length > 0;

const primaryMetric = z.enum(["decode-rate", "time-to-first-token", "end-to-end"]);

/** `bramble:experiment`: what to measure on a site. */
export const experimentSchema = z.strictObject({
  site: label.describe("the site's Pulumi stack"),
  series: z.int().min(1).default(1).describe("raise it to measure the same experiment again"),
  state: z
    .enum(["measure", "paused", "cancelled"])
    .default("measure")
    .describe("paused keeps what is measured and goes on later; cancelled measures no more"),
  models: z
    .record(label, model)
    .refine(some, "must name at least one model")
    .describe("models by a name of your choice"),
  images: z.strictObject({
    ollama: imageReference.describe("the Ollama server's image"),
    runner: imageReference.describe("an image with Node 24 for the benchmark"),
  }),
  nodes: z.strictObject({
    models: values(label).describe("the nodes that serve, one Ollama server each"),
    runner: label.describe("the node that sends the requests"),
  }),
  server: server.prefault({}).describe("how all Ollama servers of the experiment are set"),
  modules: label.optional().describe("a file of prompt modules: its name in workloads/prompts/modules"),
  variants: variants.describe("dimensions; every combination of their values is a variant"),
  scenarios: z
    .record(label, scenario)
    .refine(some, "must name at least one scenario")
    .refine(notReserved, "must not name a scenario reference"),
  reference: reference
    .optional()
    .describe("a run that every block has besides: shows drift, and ties separate sessions together"),
  coolDown: coolDown.optional().describe("let the serving node cool before each run; needs the site's probe"),
  blocks: z.int().min(1).max(1000).default(10).describe("repetitions of all runs; the unit that a comparison pairs"),
  seed: z.int().min(0).default(1).describe("orders the runs in a block and seeds the model's sampling"),
  primary: z
    .union(
      [primaryMetric, values(primaryMetric).max(2, "must name at most two metrics")],
      `must be one or two of ${primaryMetric.options.join(", ")}`,
    )
    .default("decode-rate")
    .transform((primary) => (typeof primary === "string" ? [primary] : primary))
    .describe("the one or two metrics that a comparison decides on; everything else describes"),
  memory: z
    .string()
    .regex(/^\d+Mi$/)
    .default("2048Mi")
    .describe("memory limit of each Ollama server"),
});

export type Experiment = z.infer<typeof experimentSchema>;
export type Scenario = Experiment["scenarios"][string];
