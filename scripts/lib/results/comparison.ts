import { z } from "zod";
import { nodeFactsSchema } from "./experiment-outputs.ts";
import { variantSchema } from "./plan-schema.ts";

const count = z.int().min(0);
const scalar = z.union([z.string(), z.number(), z.boolean()]).nullable();
const interval = z.tuple([z.number(), z.number()]).nullable();

/** One of the two things that are compared: a variant of a sealed run. */
const side = z.object({
  /** How the output calls it. */
  label: z.string(),
  stack: z.string(),
  runId: z.string(),
  /** The sealed run's directory in results/<stack>/: the run-id, or <run-id>-2, ... where its plan was measured again. */
  measurement: z.string(),
  variant: z.string(),
  options: variantSchema,
  series: z.int(),
  site: z.string(),
  model: z.object({ reference: z.string(), digest: z.string() }),
  images: z.object({ ollama: z.string(), runner: z.string() }),
  versions: z.object({ k3s: z.string().nullable(), ollama: z.array(z.string()) }),
  nodes: z.object({
    model: nodeFactsSchema.extend({ name: z.string() }),
    runner: nodeFactsSchema.extend({ name: z.string() }),
  }),
  source: z.object({ commit: z.string(), dirty: z.boolean() }).nullable(),
  /** How many blocks were planned, and how many are in each state. */
  blocks: z.object({ planned: count, sealed: count, partial: count, missing: count, invalid: count }),
  measured: z.object({ from: z.string(), to: z.string() }).nullable(),
  planDigest: z.string(),
});

/** A metric over one side's blocks, in its unit; null where no block has a figure. */
const summary = z.object({
  median: z.number().nullable(),
  /** First and third quartile. */
  quartiles: interval,
  /** Each block's figure, by block number. */
  blocks: z.array(z.number().nullable()),
});

/** B's figure over A's, paired by block. */
const effect = z.object({
  pairs: count,
  /** Hodges-Lehmann estimate; null without pairs. */
  ratio: z.number().nullable(),
  /** 95 %, from inverting the sign-flip test; null below 6 pairs. */
  interval,
});

const metric = z.object({
  metric: z.enum(["decode-rate", "ollama-eval-rate", "time-to-first-token", "end-to-end"]),
  unit: z.enum(["tokens/s", "ms", "s"]),
  a: summary,
  b: summary,
  effect,
});

const outcomes = z.object({ requests: count, failures: z.record(z.string(), count) });

const share = z.object({
  correct: count,
  asked: count,
  /** Wilson's, 95 %; null where nothing was asked. */
  interval,
});

/** Answers to a suite that both sides were asked, item by item. */
const accuracy = z.object({
  a: share,
  b: share,
  /** Items that one side alone got right. */
  onlyA: count,
  onlyB: count,
  /** McNemar's exact test, two-sided. Description: the decision is on the primary metric alone. */
  p: z.number(),
  /** The smallest difference that so many items would show, at 80 % power; null below ten. */
  detectable: z.number().nullable(),
});

const scenario = z.object({
  scenario: z.string(),
  metrics: z.array(metric),
  outcomes: z.object({ a: outcomes, b: outcomes }),
  /** Null where the scenario asks no suite. */
  accuracy: accuracy.nullable(),
});

const difference = z.object({ field: z.string(), a: scalar, b: scalar });

/** What `npm run compare -- A B --json` prints. Missing is null, never 0; ratios are B over A. */
export const comparisonSchema = z.object({
  schema: z.literal(1),
  a: side,
  b: side,
  /** The variants' options that differ: what the comparison is about. */
  meantToDiffer: z.array(difference),
  /** Other differences, which --allow let pass. */
  allowed: z.array(difference),
  /**
   * interleaved: the two were measured block by block in turn; same-run: within the blocks of one run; separate: one
   * after the other, so that a drift between the sessions looks like an effect (weaker evidence).
   */
  evidence: z.enum(["interleaved", "same-run", "separate"]),
  /** Whether the ratios are set against those of the reference run, which both sides of separate sessions had in every block. */
  referenced: z.boolean(),
  /** The one decision, over all scenarios: per block the mean of the scenarios' log ratios. */
  primary: z.object({
    metric: z.enum(["decode-rate", "time-to-first-token", "end-to-end"]),
    verdict: z.enum(["difference", "within-noise", "too-few"]),
    /** The verdict as a sentence. */
    sentence: z.string(),
    alpha: z.number(),
    effect,
    /** Two-sided, sign-flip permutation test; null below the fewest pairs that can decide. */
    p: z.number().nullable(),
    /** Whether all sign patterns were counted rather than sampled. */
    exact: z.boolean(),
    /** With this noise, the smallest difference that the test would have found, as a fraction; null without a test. */
    detectable: z.number().nullable(),
  }),
  scenarios: z.array(scenario),
  caveats: z.array(z.string()),
});

export type Comparison = z.infer<typeof comparisonSchema>;
export type Side = Comparison["a"];
export type Difference = z.infer<typeof difference>;
export type Effect = z.infer<typeof effect>;
export type MetricSummary = z.infer<typeof metric>;
export type Accuracy = z.infer<typeof accuracy>;
export type ScenarioComparison = z.infer<typeof scenario>;

/** The primary metric's figure of each successful request, for plots: by scenario, then by block. */
export type Samples = ReadonlyMap<string, readonly { readonly a: readonly number[]; readonly b: readonly number[] }[]>;
