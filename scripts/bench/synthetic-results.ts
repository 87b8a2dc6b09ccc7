import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { orderOf, settingsOf } from "../../workloads/benchmark/order.ts";
import { canonicalJson, runIdOf, type Plan } from "../../workloads/benchmark/plan.ts";
import type { JournalRecord, RequestRecord } from "../../workloads/benchmark/record.ts";
import type { NodeFacts } from "../lib/results/experiment-outputs.ts";
import { manifestName, rawPath, type ResultsLayout } from "../lib/results/layout.ts";
import type { BlockSummary, Manifest } from "../lib/results/manifest.ts";
import { digestOfFile, seal, writeWhole } from "../lib/results/seal.ts";
import { randomGenerator } from "../lib/results/statistics.ts";

const models = ["gemma", "llama", "phi", "qwen", "smollm"];
/** A variant that every stack has. */
export const comparedVariant = "gemma";
const scenarios = ["chat", "summary"];
const blocks = 10;
/** Of each request; a journal's length is mostly theirs. */
const tokens = 33;
const epoch = Date.UTC(2026, 0, 5, 6);

/** Runs that each stack of {@link sealResults} has: ten blocks of five variants in two scenarios. */
export const runsOfStack = blocks * models.length * scenarios.length;

/**
 * The plan of a synthetic stack.
 * @param requests of each run
 * @param series tells stacks apart, whose plans are else alike
 */
export function plannedResults(requests: number, series: number): Plan {
  return {
    schema: 3,
    series,
    models: Object.fromEntries(models.map((model) => [model, { reference: `${model}:1b`, digest: digestOf(model) }])),
    images: { ollama: "bramble/ollama:0.17.4", runner: "bramble/node:24.21.0" },
    nodes: { models: ["agent-1"], runner: "server" },
    server: {
      ...{ parallel: 1, maxLoaded: 1, keepAlive: "-1" },
      kvCache: "f16",
      flashAttention: false,
      promptCache: 0,
    },
    variants: Object.fromEntries(
      models.map((model) => [model, { model, node: "agent-1", threads: 4, context: 2048, modules: null }]),
    ),
    scenarios: Object.fromEntries(
      scenarios.map((name) => [
        name,
        {
          ...{ prompts: name, suite: null, warmup: 1, maxTokens: tokens, cold: false },
          load: { kind: "closed", users: 1, requests },
        },
      ]),
    ),
    prompts: Object.fromEntries(
      scenarios.map((name) => [name, Array.from({ length: 20 }, (_, prompt) => `${name}, ${prompt}`)]),
    ),
    ...{ suites: {}, modules: {}, reference: null, coolDown: null },
    ...{ blocks, seed: 1, primary: ["decode-rate"], runner: "7".repeat(64) },
  };
}

/** Writes a stack's results as collecting leaves them: sealed, and in turn with the other stacks' blocks. @returns bytes of its journals */
export async function sealResults(layout: ResultsLayout, stack: string, plan: Plan): Promise<number> {
  const runId = runIdOf(plan);
  const directory = layout.partial(stack, runId);
  await mkdir(join(directory, "raw"), { recursive: true });
  const summaries: BlockSummary[] = [];
  let bytes = 0;
  let [from, to] = [Infinity, 0];
  for (let block = 0; block < plan.blocks; block += 1) {
    const file = join(directory, rawPath(block));
    const written = await writeJournal(file, plan, block);
    from = Math.min(from, written.from);
    to = Math.max(to, written.to);
    bytes += (await stat(file)).size;
    summaries.push({
      ...{ block, state: "sealed", problem: null, sha256: await digestOfFile(file) },
      ...{ order: null, records: written.records, attempts: 1, tornLines: 0 },
    });
  }
  const manifest: Manifest = {
    ...{ schema: 3, stack, runId, plan, planDigest: createHash("sha256").update(canonicalJson(plan)).digest("hex") },
    ...{ site: "lab", namespace: stack, jobName: "benchmark" },
    ...{ source: null, modelBytes: {}, versions: { k3s: "v1.34.2+k3s1", ollama: ["0.17.4"] } },
    nodes: { "agent-1": board, server: board },
    nodesAfter: {},
    tools: { bramble: "0.1.0", node: process.version, pulumi: null, providers: {}, ssh: null, git: null },
    measured: { from: new Date(from).toISOString(), to: new Date(to).toISOString() },
    samples: [{ node: "agent-1", lines: 0, sha256: null, problem: "synthetic" }],
    ...{ collectedAt: new Date(to).toISOString(), blocks: summaries },
  };
  await writeWhole(join(directory, manifestName), JSON.stringify(manifest, null, 2));
  await seal(directory, layout.sealed(stack, runId));
  return bytes;
}

/** Writes a block's journal as the runner does, line by line. @returns its lines, and when it was measured, in Unix ms */
export async function writeJournal(
  file: string,
  plan: Plan,
  block: number,
): Promise<{ records: number; from: number; to: number }> {
  const stream = createWriteStream(file);
  let records = 0;
  let [from, to] = [0, 0];
  for (const record of journalRecords(plan, block)) {
    if (records === 0) from = record.at;
    to = record.at;
    records += 1;
    if (!stream.write(`${JSON.stringify(record)}\n`)) await once(stream, "drain");
  }
  stream.end();
  await once(stream, "close");
  return { records, from, to };
}

/** Stacks take turns, block by block; a request takes about six seconds. */
function* journalRecords(plan: Plan, block: number): Generator<JournalRecord> {
  const random = randomGenerator(plan.series * 1000 + block);
  const order = orderOf(plan, block);
  const requests = Math.max(...Object.values(plan.scenarios).map(({ load }) => load.requests));
  let at = epoch + (block * 2 + plan.series) * (requests + 10) * order.length * 8000;
  const clock = () => ({ at, monotonic: at - epoch });
  const place = { block, attempt: 1 };
  yield {
    ...{ type: "block-start", schema: 2, runId: runIdOf(plan), ...place, at, order: order.map(({ name }) => name) },
    ...{ node: plan.nodes.runner, pod: `benchmark-${block}-x1`, runtime: "node v24.21.0", ollamaVersion: "0.17.4" },
  };
  for (const [position, { variant, scenario }] of order.entries()) {
    const run = { ...place, variant, scenario };
    const settings = settingsOf(plan, run);
    const modelDigest = plan.models[settings.variant.model]?.digest ?? null;
    // Each run lies a little off, as each loading of a model does.
    const gap = 170 * (1 + 0.02 * (random() - 0.5)) * (1 + position / 100);
    yield { type: "run-start", ...run, ...clock(), temperature: 52.4, cooledFor: 0 };
    for (let request = -settings.scenario.warmup; request < settings.scenario.load.requests; request += 1) {
      const answer = answered(random, gap);
      yield {
        type: "request",
        ...run,
        request,
        prompt: Math.abs(request) % 20,
        at,
        scheduled: null,
        ...answer,
        modelDigest,
      };
      at += Math.ceil(answer.endToEnd ?? 0) + 3;
    }
    yield { type: "run-end", ...run, ...clock(), modelDigest };
  }
  yield { type: "block-end", ...place, at };
}

type Answered = Omit<
  RequestRecord,
  "type" | "block" | "attempt" | "variant" | "scenario" | "request" | "prompt" | "at" | "scheduled" | "modelDigest"
>;

/** One in five hundred fails. @param gap milliseconds from token to token */
function answered(random: () => number, gap: number): Answered {
  const common = { tokensIn: null, tokensOut: null, doneReason: null, answer: null };
  if (random() < 0.002)
    return {
      ...common,
      ...{ outcome: "timeout", error: "no answer within 120 s", timeToFirstToken: null, gaps: [], endToEnd: null },
      ollama: { total: null, load: null, promptEval: null, eval: null },
    };
  const rounded = (milliseconds: number) => Math.round(milliseconds * 1000) / 1000;
  const gaps = Array.from({ length: tokens - 1 }, () => rounded(gap * (0.9 + 0.2 * random())));
  const first = rounded(gap * (3 + random()));
  const decode = gaps.reduce((sum, each) => sum + each, 0);
  const nanoseconds = (milliseconds: number) => Math.round(milliseconds * 1e6);
  return {
    ...common,
    ...{ outcome: "ok", error: null, timeToFirstToken: first, gaps, endToEnd: rounded(first + decode + 2) },
    ...{ tokensIn: 24, tokensOut: tokens, doneReason: "length" },
    ollama: {
      total: nanoseconds(first + decode),
      ...{ load: nanoseconds(60), promptEval: nanoseconds(first * 0.8), eval: nanoseconds(decode) },
    },
  };
}

const digestOf = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;

const board: NodeFacts = {
  ...{ architecture: "aarch64", model: "Raspberry Pi 5 Model B Rev 1.1", pageSize: 16384, cpus: 4 },
  ...{ memoryMegabytes: 8059, kernel: "6.12.47+rpt-rpi-2712", virtualization: "none" },
};
