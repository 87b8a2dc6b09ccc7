import { z } from "zod";
import { nodeFactsSchema } from "./experiment-outputs.ts";
import { primaryMetric, scenarioSchema, variantSchema } from "./plan-schema.ts";

const count = z.int().min(0);
const scalar = z.union([z.string(), z.number(), z.boolean()]).nullable();
const interval = z.tuple([z.number(), z.number()]).nullable();

/** One of the things that are compared: a variant of a sealed run. */
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

/** What is told beside the metrics: quantiles of the latencies, and the throughput of all requests together. */
const detail = z.object({
  name: z.string(),
  label: z.string(),
  /** Null where the figure is not a quantile. */
  quantile: z.enum(["p50", "p95", "p99"]).nullable(),
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
  details: z.array(detail),
  outcomes: z.object({ a: outcomes, b: outcomes }),
  /** Null where the scenario asks no suite. */
  accuracy: accuracy.nullable(),
});

const difference = z.object({ field: z.string(), a: scalar, b: scalar });

export const verdicts = ["difference", "equivalent", "within-noise", "too-few"] as const;

/** The decision on a primary metric, over all scenarios: per block the mean of the scenarios' log ratios. */
const decision = z.object({
  metric: primaryMetric,
  /**
   * equivalent: the whole interval lies inside the margin; difference: beyond noise; within-noise: undecided; too-few: no
   * result of so few pairs could be beyond noise.
   */
  verdict: z.enum(verdicts),
  /** The verdict as a sentence. */
  sentence: z.string(),
  effect,
  /** Two-sided, sign-flip permutation test; null below the fewest pairs that can decide. */
  p: z.number().nullable(),
  /** The same by Holm's step-down over all decisions of the comparison. */
  adjusted: z.number().nullable(),
  /** Whether `adjusted` is at most alpha; of an equivalence too. */
  beyondNoise: z.boolean(),
  /** Whether all sign patterns were counted rather than sampled. */
  exact: z.boolean(),
  /** With this noise, the smallest difference that the test would have found, as a fraction; null without a test. */
  detectable: z.number().nullable(),
  /** Pairs of blocks that so many decisions need at least. */
  fewest: count,
});

/** A side that is set against the baseline. In it, A is the baseline and B that side; ratios are B over A. */
const pair = z.object({
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
  /** One for each primary metric. */
  decisions: z.array(decision),
  scenarios: z.array(scenario),
  caveats: z.array(z.string()),
});

const quantiles = z.object({ p50: z.number(), p95: z.number(), p99: z.number() }).nullable();

/** What came of a side in one scenario, over the blocks that may be believed. */
const sideSummary = z.object({
  scenario: z.string(),
  /** What was asked, and how the requests came. */
  settings: scenarioSchema,
  runs: count,
  requests: count,
  failed: count,
  /** Medians over the blocks: tokens/s, ms. */
  decodeRate: z.number().nullable(),
  timeToFirstToken: z.number().nullable(),
  /** Each quantile's median over the blocks: ms, end to end in s. */
  quantiles: z.object({ "time-to-first-token": quantiles, "inter-token": quantiles, "end-to-end": quantiles }),
  /** Tokens/s of all requests together. */
  throughput: z.number().nullable(),
  /** Shares of the serving node, and degrees Celsius. */
  cpu: z.number().nullable(),
  memory: z.number().nullable(),
  temperature: z.number().nullable(),
  joulesPerToken: z.number().nullable(),
  energySource: z.enum(["pmic-estimate", "external-meter"]).nullable(),
  /** Tokens/s that the memory's bandwidth lets expect, from and to; null on other boards than a Pi 5. */
  predicted: interval,
  score: z.object({ correct: count, asked: count, interval }).nullable(),
});

/** A variant of a compared run among all of them; null is not known. */
const paretoPoint = z.object({
  label: z.string(),
  stack: z.string(),
  measurement: z.string(),
  variant: z.string(),
  /** Share of the suites' items that are right. */
  accuracy: z.number().nullable(),
  /** Geometric mean of the scenarios' decode rates, tokens/s. */
  decodeRate: z.number().nullable(),
  joulesPerToken: z.number().nullable(),
  /** Whether no other is at least as good in all and better in one; null where one of the dimensions is not known of it. */
  onFront: z.boolean().nullable(),
});

const pareto = z.object({
  /** Those that are known of one variant at least: what the front is of. */
  dimensions: z.array(z.enum(["accuracy", "decodeRate", "joulesPerToken"])),
  points: z.array(paretoPoint),
});

const source = z.object({ name: z.string(), address: z.string().nullable() });

/** What was published beside what was measured here. No replication: the paper's tables are not available. */
const paper = z.object({
  anchors: z.array(
    z.object({
      name: z.string(),
      unit: z.enum(["tokens/s", "share"]),
      /** Null is unbounded. */
      low: z.number().nullable(),
      high: z.number().nullable(),
      source,
      /** By side, then by scenario. */
      measured: z.array(
        z.object({
          label: z.string(),
          scenario: z.string(),
          value: z.number().nullable(),
          /** Where it lies to what was published. */
          place: z.enum(["below", "within", "above"]).nullable(),
        }),
      ),
    }),
  ),
  /** Decode rates that the memory's bandwidth lets expect. */
  roofline: z.object({
    source,
    measured: z.array(
      z.object({
        label: z.string(),
        scenario: z.string(),
        value: z.number().nullable(),
        predicted: interval,
        /** Measured over the middle of what was predicted, less one. */
        error: z.number().nullable(),
      }),
    ),
  }),
  notes: z.array(z.string()),
});

/** What `npm run compare -- <operand>... --json` prints. Missing is null, never 0. */
export const comparisonSchema = z.object({
  schema: z.literal(2),
  /** A, which is the baseline, then B, C, ... */
  sides: z.array(side).min(2),
  /** B, C, ... each set against A, in their order. */
  pairs: z.array(pair).min(1),
  /** Level of the decisions together. Each interval is of its own comparison, 95 %. */
  alpha: z.number(),
  /** Of equivalence, as a fraction: from 1 / (1 + margin) to 1 + margin. */
  margin: z.number(),
  /** By side, then by scenario. */
  summaries: z.array(z.array(sideSummary)),
  /** Of all variants of the compared runs. */
  pareto,
  /** Null without --paper. */
  paper: paper.nullable(),
  /** What must be known of all of it. */
  caveats: z.array(z.string()),
});

export type Comparison = z.infer<typeof comparisonSchema>;
export type Side = Comparison["sides"][number];
export type PairComparison = Comparison["pairs"][number];
export type Decision = PairComparison["decisions"][number];
export type SideSummary = z.infer<typeof sideSummary>;
export type Pareto = z.infer<typeof pareto>;
export type Paper = z.infer<typeof paper>;
export type Difference = z.infer<typeof difference>;
export type Effect = z.infer<typeof effect>;
export type MetricSummary = z.infer<typeof metric>;
export type Detail = z.infer<typeof detail>;
export type Accuracy = z.infer<typeof accuracy>;
export type ScenarioComparison = z.infer<typeof scenario>;

/** Figures of a side's single requests, for plots: by scenario, block and metric. */
export type Samples = ReadonlyMap<string, readonly Readonly<Record<MetricSummary["metric"], readonly number[]>>[]>;
