import { z } from "zod";
import { sha256 } from "../../../stacks/config/fields.ts";
import { nodeFactsSchema } from "./experiment-outputs.ts";
import { planJson } from "./plan-schema.ts";

const version = z.string().nullable();
const count = z.int().min(0);

/** sealed: all its runs ended; partial: some did; missing: the node had nothing of it; invalid: it can't be trusted. */
export const blockStates = ["sealed", "partial", "missing", "invalid"] as const;
export type BlockState = (typeof blockStates)[number];

const block = z.object({
  block: count,
  state: z.enum(blockStates),
  /** Why it is not sealed. */
  problem: z.string().nullable(),
  /** Of raw/block-<n>.ndjson, computed on the node and again here; null when it is missing. */
  sha256: sha256.nullable(),
  /** Its runs, as "<variant>/<scenario>", in the order that the seed gave them; null where it did not begin. */
  order: z.array(z.string()).nullable(),
  records: count,
  attempts: count,
  tornLines: count,
});
export type BlockSummary = z.infer<typeof block>;

/** manifest.json of a sealed run: what was measured, on what, and with what. Times are ISO 8601 in UTC. */
export const manifestSchema = z.object({
  schema: z.literal(3),
  stack: z.string(),
  runId: z.string(),
  /** All that decides what is measured, the series and the primary metric among it. */
  plan: planJson,
  /** SHA-256 of the plan's canonical JSON; the run-id is its beginning. */
  planDigest: sha256,
  site: z.string(),
  namespace: z.string(),
  jobName: z.string(),
  /** Bramble's own source; null outside a git checkout. */
  source: z.object({ commit: z.string(), dirty: z.boolean() }).nullable(),
  /** What each of the plan's models weighs, in bytes, by the lock; null where nobody knows. */
  modelBytes: z.record(z.string(), z.number().nullable()),
  versions: z.object({
    /** Kubernetes's version is part of K3s's. */
    k3s: version,
    ollama: z.array(z.string()),
  }),
  /** Facts of the serving nodes and the runner's, at the stack's last update. */
  nodes: z.record(z.string(), nodeFactsSchema),
  /** The same nodes when the run was collected. Missing is null; `problem` says why. */
  nodesAfter: z.record(
    z.string(),
    z.object({
      facts: nodeFactsSchema.nullable(),
      /** The firmware's get_throttled bits since the boot. */
      throttled: z.int().nullable(),
      /** Another text after each boot. */
      boot: z.string().nullable(),
      k3s: version,
      /** Of the node's clock before this machine's, give or take. */
      clock: z.object({ offsetMilliseconds: z.int(), uncertaintyMilliseconds: z.int() }).nullable(),
      problem: z.string().nullable(),
    }),
  ),
  tools: z.object({
    bramble: version,
    node: version,
    pulumi: version,
    /** Of Pulumi, by their packages. */
    providers: z.record(z.string(), z.string()),
    ssh: version,
    git: version,
  }),
  /** From the first request to the end of the last run; null when there is none. */
  measured: z.object({ from: z.iso.datetime(), to: z.iso.datetime() }).nullable(),
  /** What the probes of the serving nodes sampled meanwhile; `problem` says why there is nothing. */
  samples: z.array(
    z.object({ node: z.string(), lines: count, sha256: sha256.nullable(), problem: z.string().nullable() }),
  ),
  collectedAt: z.iso.datetime(),
  blocks: z.array(block),
});
export type Manifest = z.infer<typeof manifestSchema>;
