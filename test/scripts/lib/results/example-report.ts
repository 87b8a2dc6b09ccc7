import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { median, quantile } from "simple-statistics";
import type {
  Comparison,
  MetricSummary,
  PairComparison,
  Samples,
  ScenarioComparison,
  Side,
  SideSummary,
} from "../../../../scripts/lib/results/comparison.ts";
import { manifestName, rawPath, type ResultsLayout } from "../../../../scripts/lib/results/layout.ts";
import { metricNames, metrics, type MetricName } from "../../../../scripts/lib/results/metrics.ts";
import type { PlotData } from "../../../../scripts/lib/results/report-data.ts";
import { linkTo } from "../../../../scripts/lib/results/report-links.ts";
import { exampleScenario } from "../../../workloads/example-plan.ts";

const blocks = [0, 1, 2, 3, 4, 5];
const users = [1, 2, 4];
const scenarios = ["accuracy", ...users.map((count) => `users-${count}`)];
const names = ["threads-2", "threads-4", "role+format", "llama", "q4-cache"];
const rates = [9.4, 11.2, 9.6, 10.4, 10.6];
const minute = 60_000;
const noon = Date.UTC(2026, 10, 23, 12);

/**
 * Stacks that took turns on a board that became hot: loads of one to four users, and a suite. Made up, and without chance: what
 * the report shows of it is the same each time.
 */
export function exampleReport(count: 2 | 3 | 4 | 5): { comparison: Comparison; plots: PlotData } {
  const sides = names.slice(0, count).map(sideOf);
  const comparison: Comparison = {
    ...{ schema: 2, sides, alpha: 0.05, margin: 0.05 },
    pairs: sides.slice(1).map((_, index) => pairOf(index + 1)),
    summaries: sides.map((_, turn) => scenarios.map((scenario) => summaryOf(turn, scenario))),
    pareto: {
      dimensions: ["accuracy", "decodeRate", "joulesPerToken"],
      points: [
        ...sides.map(({ label, stack, measurement, variant }, turn) => ({
          ...{ label, stack, measurement, variant, accuracy: (30 + turn * 4) / 60, decodeRate: rates[turn] ?? null },
          ...{ joulesPerToken: 0.5 + turn * 0.06, onFront: turn !== 2 },
        })),
        {
          ...{ label: "threads-2:all", stack: "threads-2", measurement: "0123456789a0", variant: "all" },
          ...{ accuracy: 0.45, decodeRate: 9.9, joulesPerToken: 0.58, onFront: false },
        },
        {
          ...{ label: "threads-2:role", stack: "threads-2", measurement: "0123456789a0", variant: "role" },
          ...{ accuracy: null, decodeRate: 9.9, joulesPerToken: null, onFront: null },
        },
      ],
    },
    paper: {
      anchors: [
        {
          ...{ name: "Decode rate", unit: "tokens/s", low: 5, high: 12 },
          source: { name: "A paper about small models at the edge, section 5", address: "https://example.org/paper" },
          measured: sides.map(({ label }, turn) => ({
            label,
            scenario: "users-1",
            value: rates[turn] ?? null,
            place: "within",
          })),
        },
        {
          ...{ name: "CPU", unit: "share", low: null, high: 0.5 },
          source: { name: "The same, figure 3", address: null },
          measured: sides.map(({ label }) => ({ label, scenario: "users-1", value: 0.97, place: "above" })),
        },
      ],
      roofline: {
        source: { name: "Bandwidth of LPDDR4X-4267 over bytes per token", address: null },
        measured: sides.map(({ label }, turn) => ({
          label,
          scenario: "users-1",
          value: rates[turn] ?? null,
          predicted: [8.9, 11.4],
          error: -0.07 + turn * 0.02,
        })),
      },
      notes: ["No replication: the paper's tables are not available."],
    },
    caveats: ["No board: these figures are made up."],
  };
  return {
    comparison,
    plots: { samples: sides.map((_, turn) => samplesOf(turn)), nodes: [nodeOf(sides)] },
  };
}

/** Files for all links of a report to lead to. @returns the report's own file */
export async function writeReport(layout: ResultsLayout, { sides }: Comparison, report: string): Promise<string> {
  const files = sides.flatMap(({ stack, measurement }) =>
    [manifestName, ...blocks.map(rawPath)].map((path) => join(layout.sealed(stack, measurement), path)),
  );
  const file = join(layout.directory, "compare", "report.html");
  for (const [path, text] of [...files.map((path) => [path, ""] as const), [file, report] as const]) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  return file;
}

const board = {
  ...{ architecture: "aarch64", model: "Raspberry Pi 5 Model B Rev 1.0", pageSize: 16384, cpus: 4 },
  ...{ memoryMegabytes: 8059, kernel: "6.12.47+rpt-rpi-2712", serial: "10000000abcdef01", virtualization: "none" },
};

function sideOf(stack: string, turn: number): Side {
  return {
    ...{ label: stack, stack, runId: `0123456789a${turn}`, measurement: `0123456789a${turn}`, variant: "base" },
    options: { model: "gemma", node: "agent-1", threads: turn === 0 ? 2 : 4, context: 1024, modules: null },
    ...{ series: 1, site: "lab", planDigest: String(turn).repeat(64) },
    model: { reference: "gemma3:270m", digest: `sha256:${"5".repeat(64)}` },
    images: { ollama: "bramble/ollama:0.17.4", runner: "bramble/node:24.21.0" },
    versions: { k3s: "v1.34.2+k3s1", ollama: ["0.17.4"] },
    nodes: { model: { ...board, name: "agent-1" }, runner: { ...board, name: "server" } },
    source: { commit: "c0ffee0000000000000000000000000000000000", dirty: turn === 1 },
    blocks: { planned: 6, sealed: 6, partial: 0, missing: 0, invalid: 0 },
    measured: { from: new Date(noon).toISOString(), to: new Date(noon + 18 * minute).toISOString() },
  };
}

/** Requests' figures: they swing around the side's rate, which falls a little from block to block. */
function figuresOf(turn: number, scenario: string, block: number): Record<MetricName, number[]> {
  const count = users[scenarios.indexOf(scenario) - 1] ?? 1;
  const speeds = Array.from({ length: 12 }, (_, request) => {
    const swing = Math.sin(request * 2.4 + block * 1.7 + turn) * 0.04;
    return (rates[turn] ?? 10) * (1.1 - count / 10) * (1 - block * 0.004 + Math.cos(block * 2 + turn) * 0.006 + swing);
  });
  return {
    "decode-rate": speeds,
    "ollama-eval-rate": speeds.map((speed) => speed * 1.03),
    "time-to-first-token": speeds.map((speed) => (3000 * count) / speed),
    "end-to-end": speeds.map((speed) => (32 + 3 * count) / speed),
  };
}

function samplesOf(turn: number): Samples {
  return new Map(scenarios.map((scenario) => [scenario, blocks.map((block) => figuresOf(turn, scenario, block))]));
}

function overBlocks(figures: number[]): MetricSummary["a"] {
  return { median: median(figures), quartiles: [quantile(figures, 0.25), quantile(figures, 0.75)], blocks: figures };
}

function effectOf(a: number[], b: number[]): MetricSummary["effect"] {
  const ratios = b.map((figure, block) => figure / (a[block] ?? NaN));
  return { pairs: 6, ratio: median(ratios), interval: [Math.min(...ratios), Math.max(...ratios)] };
}

function scenarioOf(turn: number, scenario: string): ScenarioComparison {
  const medians = (side: number, metric: MetricName) =>
    blocks.map((block) => median(figuresOf(side, scenario, block)[metric]));
  const share = (side: number) => ({ correct: 30 + side * 4, asked: 60, interval: wilson(side) });
  return {
    scenario,
    metrics: metricNames.map((metric) => {
      const [a, b] = [medians(0, metric), medians(turn, metric)];
      return { metric, unit: metrics[metric].unit, a: overBlocks(a), b: overBlocks(b), effect: effectOf(a, b) };
    }),
    details: (["p95", "p99"] as const).map((name) => {
      const [a, b] = [medians(0, "end-to-end"), medians(turn, "end-to-end")].map((figures) =>
        figures.map((figure) => figure * (name === "p95" ? 1.7 : 2.1)),
      );
      const [longA = [], longB = []] = [a, b];
      return {
        ...{ name: `end-to-end-${name}`, label: "end to end", quantile: name, unit: "s" },
        a: overBlocks(longA),
        b: overBlocks(longB),
        effect: effectOf(longA, longB),
      };
    }),
    outcomes: {
      a: { requests: 72, failures: {} },
      b: { requests: 72, failures: turn === 1 && scenario === "users-4" ? { timeout: 2 } : {} },
    },
    accuracy:
      scenario === "accuracy"
        ? { a: share(0), b: share(turn), onlyA: 2, onlyB: 2 + turn * 4, p: 0.29 / turn, detectable: 0.19 }
        : null,
  };
}

const wilson = (side: number): [number, number] => [(30 + side * 4) / 60 - 0.12, (30 + side * 4) / 60 + 0.12];

function pairOf(turn: number): PairComparison {
  const compared = scenarios.map((scenario) => scenarioOf(turn, scenario));
  const effect = compared[0]?.metrics[0]?.effect ?? { pairs: 0, ratio: null, interval: null };
  const equal = turn === 2;
  return {
    meantToDiffer: [{ field: "threads", a: 2, b: 4 }],
    allowed:
      turn === 1 ? [{ field: "images.ollama", a: `sha256:${"1".repeat(64)}`, b: `sha256:${"2".repeat(64)}` }] : [],
    ...{ evidence: "interleaved", referenced: false },
    decisions: [
      {
        ...{ metric: "decode-rate", verdict: equal ? "equivalent" : "difference", effect },
        sentence: equal
          ? `${names[turn] ?? ""} is as fast, within 5 %`
          : `${names[turn] ?? ""} is faster: beyond noise`,
        ...{
          p: 0.031,
          adjusted: 0.031 * (1 + turn / 10),
          beyondNoise: true,
          exact: true,
          detectable: 0.021,
          fewest: 6,
        },
      },
    ],
    scenarios: compared,
    caveats:
      turn === 1
        ? ["threads-4, users-4: failed requests have no figures (2 of 72: timeout 2); medians are over the others."]
        : [],
  };
}

function summaryOf(turn: number, scenario: string): SideSummary {
  const count = users[scenarios.indexOf(scenario) - 1] ?? 1;
  const rate = (rates[turn] ?? 10) * (1.1 - count / 10);
  const three = (p50: number) => ({ p50, p95: p50 * 1.7, p99: p50 * 2.1 });
  const suite = scenario === "accuracy" ? "quiz" : null;
  return {
    scenario,
    settings: {
      ...{ ...exampleScenario, suite, prompts: suite === null ? "questions" : null },
      load: { kind: "closed", users: count, requests: 12 },
    },
    ...{ runs: 6, requests: 72, failed: turn === 1 && count === 4 ? 2 : 0, decodeRate: rate },
    timeToFirstToken: (3000 * count) / rate,
    quantiles: {
      "time-to-first-token": three((3000 * count) / rate),
      "inter-token": three(1000 / rate),
      "end-to-end": three((32 + 3 * count) / rate),
    },
    ...{ throughput: rate * (1.3 - Math.exp(-count / 2)), cpu: 0.97, memory: 0.31, temperature: 82.4 },
    ...{ joulesPerToken: 0.5 + turn * 0.06, energySource: "pmic-estimate", predicted: [8.9, 11.4] },
    score: suite === null ? null : { correct: 30 + turn * 4, asked: 60, interval: wilson(turn) },
  };
}

function nodeOf(sides: readonly Side[]): PlotData["nodes"][number] {
  const length = 6 * sides.length * minute;
  return {
    ...{ site: "lab", node: "agent-1" },
    samples: Array.from({ length: 300 }, (_, index) => ({
      at: noon + (index * length) / 300,
      temperature: Number((82 - 30 * Math.exp(-index / 60) + Math.sin(index * 1.3) * 0.6).toFixed(1)),
      throttled: index > 200 && index < 220 ? 0x80008 : index < 200 ? 0 : 0x80000,
    })),
    runs: sides.flatMap((side, turn) =>
      blocks.map((block) => {
        const from = noon + (block * sides.length + turn) * minute;
        const rate = median(figuresOf(turn, "users-1", block)["decode-rate"]);
        return {
          ...{ side: turn, block, scenario: "users-1", from, to: from + 50_000, rate, raw: linkTo.block(side, block) },
          ...{ temperature: 60 + block * 4, throttled: block === 4 ? 0x80008 : 0, believed: block !== 4 || turn > 0 },
        };
      }),
    ),
  };
}
