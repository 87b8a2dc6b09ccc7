import { alignRows, formatNumber } from "./format.ts";
import { latencyLabels, latencyNames, latencyUnits } from "./run-digest.ts";
import type { SuiteScore } from "./suite-scores.ts";
import type { RunSummary } from "./summary.ts";

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
  const lines = [...aligned([head, ...rows]), "", ...quantileLines(summaries), "", ...notesOf(summaries)];
  return lines.map((text) => `${text}\n`).join("");
}

/** What users wait, p50/p95/p99, and what the server delivers in all meanwhile. */
function quantileLines(summaries: readonly RunSummary[]): string[] {
  const head = ["p50 / p95 / p99", ...latencyNames.map((name) => `${latencyLabels[name]}, ${latencyUnits[name]}`)];
  const rows = summaries.map(({ variant, scenario, quantiles, throughput }) => [
    `${variant}/${scenario}`,
    ...latencyNames.map((name) => {
      const of = quantiles[name];
      return of === null ? "-" : [of.p50, of.p95, of.p99].map(formatNumber).join(" / ");
    }),
    formatNumber(throughput),
  ]);
  return aligned([[...head, "all tokens/s"], ...rows]);
}

/** Figures to the right, names and remarks to the left. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  return alignRows(
    rows,
    (rows[0] ?? []).map((_, column) => (column === 0 || column === 8 ? "left" : "right")),
  );
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
