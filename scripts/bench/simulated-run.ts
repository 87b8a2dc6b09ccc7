import type { Plan } from "../../workloads/benchmark/plan.ts";
import { metricNames, type MetricName } from "../lib/results/metrics.ts";
import type { RunDigest } from "../lib/results/run-digest.ts";
import type { SealedRun } from "../lib/results/sealed-run.ts";

/** Tokens per second of a block. */
type RateOf = (block: number) => number;

const digest = `sha256:${"5".repeat(64)}`;
/** Milliseconds that a block takes. */
const blockTime = 60_000;

const plan: Omit<Plan, "blocks" | "primary" | "variants"> = {
  schema: 3,
  series: 1,
  models: { gemma: { reference: "gemma3:270m", digest } },
  images: { ollama: "ollama", runner: "node" },
  nodes: { models: ["agent"], runner: "server" },
  server: { parallel: 1, maxLoaded: 1, keepAlive: "-1", kvCache: "f16", flashAttention: false, promptCache: 0 },
  scenarios: {
    chat: {
      ...{ prompts: "questions", suite: null, warmup: 1, maxTokens: 32, cold: false },
      load: { kind: "closed", users: 1, requests: 5 },
    },
  },
  prompts: { questions: ["Why is the sky blue?"] },
  suites: {},
  modules: {},
  reference: null,
  coolDown: null,
  seed: 1,
  runner: "7".repeat(64),
};

/**
 * A sealed run as it is read back, whose blocks take turns with those of another stack; of each block one run, whose rate is drawn.
 * Times are what another such rate makes of 32 tokens.
 * @param turn the stack's place in the row
 */
export function simulatedRun(given: {
  readonly stack: string;
  readonly turn: number;
  readonly turns: number;
  readonly blocks: number;
  readonly primary: Plan["primary"];
  readonly rate: RateOf;
}): SealedRun {
  const { stack, turn, turns, blocks, primary, rate } = given;
  const runId = `00000000000${turn}`;
  return {
    measurement: runId,
    manifest: {
      schema: 3,
      ...{ stack, runId, site: "lab", namespace: stack, jobName: "benchmark" },
      plan: {
        ...{ ...plan, blocks, primary },
        variants: { base: { model: "gemma", node: "agent", threads: turn + 1, context: 1024, modules: null } },
      },
      planDigest: "0".repeat(64),
      source: null,
      modelBytes: {},
      versions: { k3s: null, ollama: [] },
      nodes: {},
      nodesAfter: {},
      tools: { bramble: null, node: null, pulumi: null, providers: {}, ssh: null, git: null },
      measured: null,
      samples: [],
      collectedAt: "2026-11-23T12:00:00Z",
      blocks: Array.from({ length: blocks }, (_, block) => ({
        ...{
          block,
          state: "sealed" as const,
          problem: null,
          sha256: null,
          records: 0,
          attempts: 1,
          order: null,
          tornLines: 0,
        },
      })),
    },
    digests: new Map(),
    blocks: new Map(
      Array.from({ length: blocks }, (_, block) => {
        const run = simulatedDigest(rate(block), rate(block), (block * turns + turn) * blockTime);
        return [
          block,
          {
            ...{
              state: "complete",
              problem: null,
              records: 0,
              attempts: 1,
              order: null,
              tornLines: 0,
              ollamaVersions: [],
            },
            runs: [run],
          },
        ];
      }),
    ),
    samples: new Map(),
  };
}

/** The times have a noise of their own. */
function simulatedDigest(rate: number, timed: number, from: number): RunDigest {
  const to = from + blockTime / 2;
  const figures: Record<MetricName, number> = {
    "decode-rate": rate,
    "ollama-eval-rate": rate,
    "time-to-first-token": 5000 / timed,
    "end-to-end": 32 / timed,
  };
  const samples = Object.fromEntries(metricNames.map((metric) => [metric, []])) as unknown as RunDigest["samples"];
  return {
    ...{ variant: "base", scenario: "chat", from, to, figures, samples },
    start: { at: from, monotonic: from, temperature: null, cooledFor: 0 },
    end: { at: to, monotonic: to, modelDigest: digest },
    outcomes: { requests: 5, failures: {} },
    quantiles: { "time-to-first-token": null, "inter-token": null, "end-to-end": null },
    ...{ tokensOut: 160, throughput: null, uncounted: 0, digests: [digest], answers: [] },
  };
}
