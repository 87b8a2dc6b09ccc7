import { z } from "zod";
import type { Plan } from "../../../workloads/benchmark/plan.ts";

const count = z.int().min(0);
const name = z.string();

const load = z.union([
  z.object({ kind: z.literal("closed"), users: z.int(), requests: count }),
  z.object({ kind: z.enum(["constant", "poisson"]), rate: z.number(), requests: count }),
  z.object({ kind: z.literal("burst"), size: z.int(), interval: z.number(), requests: count }),
]);

const variant = z.object({
  model: name,
  node: name,
  threads: z.int(),
  context: z.int(),
  modules: name.nullable(),
});

/** What a primary metric can be. */
export const primaryMetric = z.enum(["decode-rate", "time-to-first-token", "end-to-end"]);

/** What a variant is asked, and how. */
export const scenarioSchema = z.object({
  prompts: name.nullable(),
  suite: name.nullable(),
  warmup: count,
  maxTokens: z.int(),
  cold: z.boolean(),
  load,
});

/** A variant's settings, by the names of its dimensions. */
export const variantSchema = variant;

/** A benchmark's plan as JSON. */
export const planJson: z.ZodType<Plan> = z.object({
  schema: z.literal(3),
  series: z.int(),
  models: z.record(name, z.object({ reference: z.string(), digest: z.string() })),
  images: z.object({ ollama: z.string(), runner: z.string() }),
  nodes: z.object({ models: z.array(name), runner: name }),
  server: z.object({
    parallel: z.int(),
    maxLoaded: z.int(),
    keepAlive: z.string(),
    kvCache: z.enum(["f16", "q8_0", "q4_0"]),
    flashAttention: z.boolean(),
    promptCache: z.int(),
  }),
  variants: z.record(name, variant),
  scenarios: z.record(name, scenarioSchema),
  prompts: z.record(name, z.array(z.string())),
  suites: z.record(
    name,
    z.array(z.object({ id: z.string(), kind: z.string(), prompt: z.string(), scorer: z.unknown() })),
  ),
  modules: z.record(name, z.object({ hash: z.string(), before: z.string(), after: z.string() })),
  reference: z.object({ variant, scenario: scenarioSchema }).nullable(),
  coolDown: z.object({ below: z.number(), limit: z.number() }).nullable(),
  blocks: z.int().min(1),
  seed: z.int(),
  primary: z.array(primaryMetric).min(1).max(2),
  runner: z.string(),
});
