import { median } from "simple-statistics";
import { referenceName } from "../../../workloads/benchmark/order.ts";
import { predictionError } from "../../../workloads/ollama/predict.ts";
import { formatNumber } from "./format.ts";
import { judgedRuns, type JudgedRun } from "./judged-runs.ts";
import type { PowerReading } from "./meter-csv.ts";
import { countOutcomes, figureOfRun } from "./metrics.ts";
import { energyOf } from "./node-load.ts";
import type { SealedRun } from "./sealed-run.ts";
import { scoreSuite, type SuiteScore } from "./suite-scores.ts";

/** Milliseconds between two readings of a meter above which the power in between is not known. */
const meterGap = 15_000;

/** What came of one variant under one scenario, over all blocks. What is not known is null. */
export interface RunSummary {
  readonly variant: string;
  readonly scenario: string;
  /** Runs that may be believed. */
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
  readonly tokensPerJoule: number | null;
  /** Whose power that is: the board's own estimate of what it takes, or a meter's reading. */
  readonly energySource: "pmic-estimate" | "external-meter" | null;
  /** Measured over predicted, less one; null on other boards than a Pi 5. */
  readonly predictionError: number | null;
  readonly score: SuiteScore | null;
  /** Runs that must not be believed, each with its reasons. */
  readonly invalid: readonly { readonly block: number; readonly reasons: readonly string[] }[];
}

/**
 * Summaries of all runs that ended, by variant and scenario. Figures are those of the runs that may be believed.
 * @param meter readings of a power meter at the serving node, which count before the board's own estimate
 */
export function summarize(sealed: SealedRun, meter?: readonly PowerReading[]): RunSummary[] {
  const { plan } = sealed.manifest;
  const groups = Map.groupBy(judgedRuns(sealed), ({ run }) => `${run.variant}/${run.scenario}`);
  return [...groups.values()]
    .map((group) => {
      const [{ run: first, scenario, prediction }] = group as [JudgedRun];
      const sound = group.filter(({ findings }) => findings.length === 0);
      const requests = sound.flatMap(({ run }) => run.requests);
      const rate = middle(sound, ({ run }) => figureOfRun("decode-rate", run.requests));
      const outcomes = countOutcomes(requests);
      const efficiency = tokensPerJoule(sound, ({ run, load }) =>
        meter === undefined ? (load?.joules ?? null) : energyOf(meter, run, meterGap),
      );
      const source = meter === undefined ? ("pmic-estimate" as const) : ("external-meter" as const);
      const items = scenario.suite === null ? undefined : plan.suites[scenario.suite];
      return {
        variant: first.variant,
        scenario: first.scenario,
        runs: sound.length,
        decodeRate: rate,
        timeToFirstToken: middle(sound, ({ run }) => figureOfRun("time-to-first-token", run.requests)),
        requests: outcomes.requests,
        failed: Object.values(outcomes.failures).reduce((sum, count) => sum + count, 0),
        cpu: middle(sound, ({ load }) => load?.cpu ?? null),
        memory: middle(sound, ({ load }) => load?.memory ?? null),
        temperature: middle(sound, ({ load }) => load?.temperature ?? null),
        tokensPerJoule: efficiency,
        energySource: efficiency === null ? null : source,
        predictionError: prediction === null || rate === null ? null : predictionError(prediction, rate),
        score: items === undefined ? null : scoreSuite(items, requests),
        invalid: group.flatMap(({ block, findings }) =>
          findings.length === 0 ? [] : [{ block, reasons: findings.map(({ text }) => text) }],
        ),
      };
    })
    .sort((a, b) => order(a) - order(b) || (`${a.variant}/${a.scenario}` < `${b.variant}/${b.scenario}` ? -1 : 1));
}

/** The reference run comes last. */
const order = ({ variant }: { variant: string }) => (variant === referenceName ? 1 : 0);

/** The median over the runs that have a figure. */
function middle(runs: readonly JudgedRun[], of: (run: JudgedRun) => number | null): number | null {
  const known = runs.flatMap((run) => of(run) ?? []);
  return known.length === 0 ? null : median(known);
}

/** Tokens written in the runs whose energy is known, for each joule that the board took meanwhile. */
function tokensPerJoule(runs: readonly JudgedRun[], energy: (run: JudgedRun) => number | null): number | null {
  let [tokens, joules] = [0, 0];
  for (const judged of runs) {
    const taken = energy(judged);
    if (taken === null) continue;
    const { run } = judged;
    joules += taken;
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

const sources = {
  "pmic-estimate": "tokens/J: by the board's own estimate of its power",
  "external-meter": "tokens/J: by the external meter",
};

function notesOf(summaries: readonly RunSummary[]): string[] {
  const known = new Set(summaries.flatMap(({ energySource }) => energySource ?? []));
  return [...[...known].map((source) => sources[source]), ...summaries.flatMap(noteOn)];
}

function noteOn({ variant, scenario, invalid, predictionError: error, score }: RunSummary): string[] {
  const name = `${variant}/${scenario}`;
  return [
    ...invalid.map(({ block, reasons }) => `${name}, block ${block} is invalid: ${reasons.join("; ")}`),
    ...(error === null ? [] : [`${name}: ${Math.round(error * 100)} % off the prediction from the memory's bandwidth`]),
    ...(score?.detectable == null
      ? []
      : [
          `${name}: ${score.correct} of ${score.asked} right; two variants must differ by ${Math.round(score.detectable * 100)} points to be told apart`,
        ]),
  ];
}
