import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { collectRun } from "../../../../scripts/lib/results/collect-run.ts";
import {
  experimentOutputsSchema,
  nodeFactsSchema,
  type ExperimentOutputs,
} from "../../../../scripts/lib/results/experiment-outputs.ts";
import type { RunJournal } from "../../../../scripts/lib/results/journal.ts";
import { digester, type RunDigest } from "../../../../scripts/lib/results/run-digest.ts";
import { journalName, resultsLayout, type ResultsLayout } from "../../../../scripts/lib/results/layout.ts";
import { digestsOf, type NodeJournals } from "../../../../scripts/lib/results/node-journals.ts";
import { randomGenerator } from "../../../../scripts/lib/results/statistics.ts";
import { orderOf, settingsOf } from "../../../../workloads/benchmark/order.ts";
import { tasksOf } from "../../../../workloads/benchmark/task.ts";
import { runIdOf, type Plan, type Scenario, type Variant } from "../../../../workloads/benchmark/plan.ts";
import { exampleScenario, exampleServer } from "../../../workloads/example-plan.ts";
import type { FailureLabel, JournalRecord, RequestRecord } from "../../../../workloads/benchmark/record.ts";

export const modelDigest = `sha256:${"5".repeat(64)}`;

export const syntheticVariant: Variant = { model: "gemma", node: "agent-1", threads: 1, context: 1024, modules: null };

/** A plan like the demo's, with six blocks of two scenarios. */
export function syntheticPlan(changes: Partial<Plan> = {}): Plan {
  const scenario: Scenario = { ...exampleScenario, prompts: "questions", maxTokens: 32 };
  return {
    schema: 3,
    series: 1,
    models: { gemma: { reference: "gemma3:270m", digest: modelDigest } },
    images: { ollama: "bramble/ollama:0.17.4", runner: "bramble/node:24.21.0" },
    nodes: { models: ["agent-1"], runner: "server" },
    server: exampleServer,
    variants: { base: syntheticVariant },
    scenarios: { chat: scenario, summary: { ...scenario, prompts: "reports", maxTokens: 64 } },
    prompts: { questions: ["Why is the sky blue?"], reports: ["Summarise: the pump stopped at noon."] },
    suites: {},
    modules: {},
    reference: null,
    coolDown: null,
    blocks: 6,
    seed: 1,
    primary: ["decode-rate"],
    runner: "7".repeat(64),
    ...changes,
  };
}

export interface SyntheticOptions {
  /** Tokens per second around which the requests lie, by variant, scenario and block. */
  readonly rate?: (variant: string, scenario: string, block: number) => number;
  /** Spread of single requests around it, as a fraction. */
  readonly noise?: number;
  readonly seed?: number;
  /** Unix ms at which a block starts. */
  readonly start?: (block: number) => number;
  /** What the model says, where it is kept. */
  readonly answer?: (prompt: number) => string;
  /** Requests that fail, and how. */
  readonly failure?: (scenario: string, block: number, request: number) => FailureLabel | null;
}

/** Milliseconds that a synthetic block takes at most. */
export const blockTime = 60_000;
const epoch = Date.UTC(2026, 10, 23, 12);

/** Start times by which the blocks of several stacks take turns; `turn` is the stack's place in the row. */
export const inTurn =
  (turn: number, stacks = 2) =>
  (block: number) =>
    epoch + (block * stacks + turn) * blockTime;

/** One block's records as the runner writes them. */
export function syntheticBlock(plan: Plan, block: number, options: SyntheticOptions = {}): JournalRecord[] {
  const { rate = () => 50, noise = 0.01, seed = 1, start = inTurn(0), failure = () => null } = options;
  const random = randomGenerator(seed * 1000 + block);
  const order = orderOf(plan, block);
  let at = start(block);
  const records: JournalRecord[] = [
    {
      type: "block-start",
      schema: 2,
      runId: runIdOf(plan),
      block,
      attempt: 1,
      at,
      order: order.map(({ name }) => name),
      node: plan.nodes.runner,
      pod: `bench-${block}-x1`,
      runtime: "node v24.21.0",
      ollamaVersion: "0.17.4",
    },
  ];
  for (const { variant, scenario: name } of order) {
    const place = { block, attempt: 1, variant, scenario: name };
    const { scenario } = settingsOf(plan, { variant, scenario: name });
    records.push({ type: "run-start", ...place, at, monotonic: at - epoch, temperature: null, cooledFor: 0 });
    const tasks = tasksOf(plan, settingsOf(plan, { variant, scenario: name }), block);
    const asked = [...tasks.warmup.map((task, index) => [-1 - index, task] as const), ...tasks.measured.entries()];
    for (const [request, { prompt }] of asked) {
      at += 1000;
      const speed = rate(variant, name, block) * (1 + noise * (random() * 2 - 1));
      const label = request < 0 ? null : failure(name, block, request);
      const common = { type: "request" as const, ...place, request, prompt, at, scheduled: null, modelDigest };
      const answer = scenario.suite === null ? null : (options.answer?.(prompt) ?? "");
      records.push(label === null ? { ...answered(common, scenario.maxTokens, speed), answer } : failed(common, label));
    }
    at += 1000;
    records.push({ type: "run-end", ...place, at, monotonic: at - epoch, modelDigest });
  }
  return [...records, { type: "block-end", block, attempt: 1, at: at + 10 }];
}

type Common = Pick<
  RequestRecord,
  "type" | "block" | "attempt" | "variant" | "scenario" | "request" | "prompt" | "at" | "scheduled" | "modelDigest"
>;

function answered(common: Common, tokens: number, speed: number): RequestRecord {
  const gap = Math.round(1e6 / speed) / 1000;
  const gaps = Array.from({ length: tokens - 1 }, () => gap);
  const timeToFirstToken = Math.round(5e6 / speed) / 1000;
  const decode = gap * (tokens - 1);
  return {
    ...common,
    outcome: "ok",
    error: null,
    timeToFirstToken,
    gaps,
    endToEnd: Math.round((timeToFirstToken + decode + 2) * 1000) / 1000,
    tokensIn: 24,
    tokensOut: tokens,
    ollama: {
      total: Math.round((timeToFirstToken + decode) * 1e6),
      load: 1e6,
      promptEval: 3e7,
      eval: Math.round(decode * 1e6),
    },
    doneReason: "length",
    answer: null,
  };
}

function failed(common: Common, outcome: FailureLabel): RequestRecord {
  return {
    ...common,
    outcome,
    error: `synthetic ${outcome}`,
    timeToFirstToken: null,
    gaps: [],
    endToEnd: null,
    tokensIn: null,
    tokensOut: null,
    ollama: { total: null, load: null, promptEval: null, eval: null },
    doneReason: null,
    answer: null,
  };
}

export const journalText = (records: readonly JournalRecord[]) =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");

/** What is kept of a run. */
export function digestOf({ requests, ...run }: RunJournal): RunDigest {
  const reducer = digester();
  for (const request of requests) reducer.add(request);
  return reducer.end(run);
}

const facts = {
  architecture: "aarch64",
  model: "Raspberry Pi 5 Model B Rev 1.0",
  pageSize: 16384,
  cpus: 4,
  memoryMegabytes: 8059,
  kernel: "6.12.47+rpt-rpi-2712",
  serial: "10000000abcdef01",
  virtualization: "none",
};

/** What an experiment's stack would put out for a plan. */
export function syntheticOutputs(plan: Plan, changes: Partial<ExperimentOutputs> = {}): ExperimentOutputs {
  return experimentOutputsSchema.parse({
    runId: runIdOf(plan),
    plan,
    site: "lab",
    namespace: "threads-1",
    jobName: "benchmark-1a2b",
    versions: { k3s: "v1.34.2+k3s1" },
    facts: { "agent-1": facts, server: facts },
    ...changes,
  });
}

/** Journals as a node would hand them out. */
export function heldJournals(texts: ReadonlyMap<number, string>): NodeJournals {
  return {
    list: () => Promise.resolve(new Map([...texts].map(([block, text]) => [block, digestsOf(Buffer.from(text))]))),
    copy: (block, file) => writeFile(file, texts.get(block) ?? ""),
  };
}

/** What collecting records of the checkout, fixed. */
export const provenance = {
  source: { commit: "c0ffee0000000000000000000000000000000000", dirty: false },
  tools: {
    ...{ bramble: "0.1.0", node: "v24.21.0", pulumi: "3.259.0", ssh: "OpenSSH_9.2p1", git: "git version 2.39.5" },
    providers: { "@pulumi/command": "1.2.1", "@pulumi/kubernetes": "4.34.2" },
  },
};

/** A node that is as it was. */
export const nodeAfter = (node: string) =>
  Promise.resolve({
    ...{
      facts: nodeFactsSchema.parse(facts),
      throttled: 0,
      boot: `boot-of-${node}`,
      k3s: "v1.34.2+k3s1",
      problem: null,
    },
    clock: { offsetMilliseconds: 3, uncertaintyMilliseconds: 12 },
  });

/** Collects and seals a synthetic run, and returns the name of its directory: the run-id, or <run-id>-2, ... */
export async function sealSynthetic(
  layout: ResultsLayout,
  stack: string,
  plan: Plan,
  options: SyntheticOptions & {
    outputs?: Partial<ExperimentOutputs>;
    /** What a node's probe sampled, as NDJSON. */
    samples?: (node: string) => string;
    change?: (texts: Map<number, string>) => void;
  } = {},
): Promise<string> {
  const blocks = Array.from({ length: plan.blocks }, (_, block) => block);
  const texts = new Map(blocks.map((block) => [block, journalText(syntheticBlock(plan, block, options))]));
  options.change?.(texts);
  const { measurement } = await collectRun({
    stack,
    outputs: syntheticOutputs(plan, options.outputs),
    layout,
    journals: () => Promise.resolve(heldJournals(texts)),
    samples: async (node) => await Promise.resolve(options.samples?.(node) ?? ""),
    nodeAfter,
    provenance: () => Promise.resolve(provenance),
    final: true,
    now: () => new Date(Date.UTC(2026, 10, 23, 18)),
    signal: new AbortController().signal,
  });
  return measurement;
}

/** Writes journals where a node would have them. */
export async function writeNodeDirectory(directory: string, texts: ReadonlyMap<number, string>): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [block, text] of texts) await writeFile(join(directory, journalName(block)), text);
}

/** A results directory that is gone after the test, although what is sealed in it is read-only. */
export async function emptyResults(t: ExecutionContext): Promise<ResultsLayout> {
  const directory = await mkdtemp(join(tmpdir(), "bramble-results-"));
  t.teardown(async () => {
    execFileSync("chmod", ["-R", "u+w", directory]);
    await rm(directory, { recursive: true });
  });
  return resultsLayout(directory);
}
