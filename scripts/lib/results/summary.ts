import { median } from "simple-statistics";
import { referenceName, settingsOf } from "../../../workloads/benchmark/order.ts";
import { catalogue } from "../../../workloads/ollama/catalogue.ts";
import { predictDecode, predictionError, raspberryPi5 } from "../../../workloads/ollama/predict.ts";
import { nodeFactsSchema } from "./experiment-outputs.ts";
import { formatNumber } from "./format.ts";
import type { RunJournal } from "./journal.ts";
import { countOutcomes, figureOfRun } from "./metrics.ts";
import { loadDuring, type NodeLoad } from "./node-load.ts";
import { findingsOf, lockedDigest } from "./run-findings.ts";
import { scoreSuite, type SuiteScore } from "./suite-scores.ts";
import type { SealedRun } from "./sealed-run.ts";

/** What came of one variant under one scenario, over all blocks. What is not known is null. */
export interface RunSummary {
  readonly variant: string;
  readonly scenario: string;
  readonly runs: number;
  /** Medians over the blocks: tokens/s, ms. */
  readonly decodeRate: number | null;
  readonly timeToFirstToken: number | null;
  readonly requests: number;
  readonly failed: number;
  /** Shares of the serving node, and degrees Celsius. */
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly temperature: number | null;
  /** By the board's own estimate of its power. */
  readonly tokensPerJoule: number | null;
  /** Measured over predicted, less one; null on other boards than a Pi 5. */
  readonly predictionError: number | null;
  readonly score: SuiteScore | null;
  /** Runs that must not be believed, each with its reasons. */
  readonly invalid: readonly { readonly block: number; readonly reasons: readonly string[] }[];
}

/** Summaries of all runs that ended, by variant and scenario. */
export function summarize({ manifest, blocks, samples }: SealedRun): RunSummary[] {
  const { plan } = manifest;
  const all = [...blocks].flatMap(([block, { runs }]) => runs.map((run) => ({ block, run })));
  const groups = Map.groupBy(all, ({ run }) => `${run.variant}/${run.scenario}`);
  return [...groups.values()]
    .map((group) => {
      const [{ run: first }] = group as [(typeof group)[number]];
      const { variant, scenario } = settingsOf(plan, first);
      const board = nodeFactsSchema.parse(manifest.nodes[variant.node] ?? {}).model;
      const prediction = board?.startsWith("Raspberry Pi 5") === true ? predictionOf(plan, variant) : null;
      const sampled = samples.get(variant.node);
      const loads = group.map(({ run }) =>
        sampled === undefined ? null : loadDuring(sampled, { from: run.from, to: run.to }),
      );
      const requests = group.flatMap(({ run }) => run.requests);
      const rates = group.flatMap(({ run }) => figureOfRun("decode-rate", run.requests) ?? []);
      const firsts = group.flatMap(({ run }) => figureOfRun("time-to-first-token", run.requests) ?? []);
      const rate = rates.length === 0 ? null : median(rates);
      const outcomes = countOutcomes(requests);
      const items = scenario.suite === null ? undefined : plan.suites[scenario.suite];
      return {
        variant: first.variant,
        scenario: first.scenario,
        runs: group.length,
        decodeRate: rate,
        timeToFirstToken: firsts.length === 0 ? null : median(firsts),
        requests: outcomes.requests,
        failed: Object.values(outcomes.failures).reduce((sum, count) => sum + count, 0),
        cpu: middle(loads, (load) => load.cpu),
        memory: middle(loads, (load) => load.memory),
        temperature: middle(loads, (load) => load.temperature),
        tokensPerJoule: tokensPerJoule(
          group.map(({ run }) => run),
          loads,
        ),
        predictionError: prediction === null || rate === null ? null : predictionError(prediction, rate),
        score: items === undefined ? null : scoreSuite(items, requests),
        invalid: group.flatMap(({ block, run }, index) => {
          const found = findingsOf(run, {
            locked: lockedDigest(plan, variant),
            ceiling: prediction?.ceiling ?? null,
            load: loads[index] ?? null,
          });
          return found.length === 0 ? [] : [{ block, reasons: found.map(({ text }) => text) }];
        }),
      };
    })
    .sort((a, b) => order(a) - order(b) || (`${a.variant}/${a.scenario}` < `${b.variant}/${b.scenario}` ? -1 : 1));
}

/** The reference run comes last. */
const order = ({ variant }: { variant: string }) => (variant === referenceName ? 1 : 0);

function predictionOf(
  { models, server }: SealedRun["manifest"]["plan"],
  { model, context }: { model: string; context: number },
) {
  const entry = catalogue[models[model]?.reference ?? ""];
  return predictDecode({ entry, weights: entry?.bytes ?? null, context, kvCache: server.kvCache }, raspberryPi5);
}

function middle(loads: readonly (NodeLoad | null)[], of: (load: NodeLoad) => number | null): number | null {
  const known = loads.flatMap((load) => (load === null ? [] : (of(load) ?? [])));
  return known.length === 0 ? null : median(known);
}

/** Tokens written in the runs whose energy is known, for each joule that the board took meanwhile. */
function tokensPerJoule(runs: readonly RunJournal[], loads: readonly (NodeLoad | null)[]): number | null {
  let [tokens, joules] = [0, 0];
  for (const [index, run] of runs.entries()) {
    const energy = loads[index]?.joules ?? null;
    if (energy === null) continue;
    joules += energy;
    tokens += run.requests.reduce((sum, { tokensOut }) => sum + (tokensOut ?? 0), 0);
  }
  return joules === 0 ? null : tokens / joules;
}

/** A table for a terminal of 100 columns, then what must be known of it. */
export function renderSummary(summaries: readonly RunSummary[]): string {
  const share = (value: number | null) => (value === null ? "-" : `${Math.round(value * 100)} %`);
  const rows = summaries.map((one) => [
    `${one.variant}/${one.scenario}`,
    formatNumber(one.decodeRate),
    formatNumber(one.timeToFirstToken),
    scoreText(one.score),
    share(one.cpu),
    share(one.memory),
    one.temperature === null ? "-" : one.temperature.toFixed(0),
    one.tokensPerJoule === null ? "-" : formatNumber(one.tokensPerJoule),
    one.failed === 0 ? "" : `${one.failed} of ${one.requests} failed`,
  ]);
  const head = ["run", "tokens/s", "first ms", "right", "CPU", "RAM", "°C", "tokens/J", ""];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column === 0 || column === 8 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [line(head), ...rows.map(line), ...notesOf(summaries)].map((text) => `${text}\n`).join("");
}

function scoreText(score: SuiteScore | null): string {
  if (score === null) return "-";
  const [low, high] = score.interval ?? [0, 0];
  const percent = (value: number) => String(Math.round(value * 100));
  return score.asked === 0
    ? "none asked"
    : `${percent(score.correct / score.asked)} % [${percent(low)}, ${percent(high)}]`;
}

function notesOf(summaries: readonly RunSummary[]): string[] {
  return summaries.flatMap((one) => {
    const name = `${one.variant}/${one.scenario}`;
    const { score } = one;
    return [
      ...one.invalid.map(({ block, reasons }) => `${name}, block ${block} is invalid: ${reasons.join("; ")}`),
      ...(one.predictionError === null
        ? []
        : [`${name}: ${Math.round(one.predictionError * 100)} % off the prediction from the memory's bandwidth`]),
      ...(score?.detectable == null
        ? []
        : [
            `${name}: ${score.correct} of ${score.asked} right; two variants must differ by ${Math.round(score.detectable * 100)} points to be told apart`,
          ]),
    ];
  });
}
