import type { Accuracy, Comparison, Detail, Difference, MetricSummary, PairComparison, Side } from "./comparison.ts";
import {
  alignRows,
  formatFailures,
  formatInterval,
  formatNumber,
  formatP,
  formatPercent,
  formatRatio,
  wrap,
} from "./format.ts";
import { metrics } from "./metrics.ts";
import { paperRows, paretoRows } from "./side-tables.ts";
import { letterOf } from "./side-letter.ts";

/** Columns of the terminal that the table keeps within. */
const width = 100;

/** A comparison as plain text. */
export function renderTable(comparison: Comparison): string {
  const { sides, pairs, paper, caveats, margin } = comparison;
  const lines = sides.flatMap(describeSide);
  for (const [place, pair] of pairs.entries())
    lines.push("", ...renderPair(pair, letterOf(place + 1), pairs.length > 1));
  lines.push("", ...align(paretoRows(comparison).map(clipFirst)));
  if (paper !== null) {
    for (const { title, rows } of paperRows(paper))
      lines.push("", ...wrap(title, width, "  "), ...align(rows.map(clipFirst)));
    for (const note of paper.notes) lines.push(...wrap(`! ${note}`, width, "  "));
  }
  lines.push("", ...wrap(noteOf(margin), width, "  "));
  for (const caveat of caveats) lines.push(...wrap(`! ${caveat}`, width, "  "));
  lines.push("", ...pairs.flatMap((pair, place) => renderDecisions(pair, letterOf(place + 1))));
  return `${lines.join("\n")}\n`;
}

/** How to read the figures; all outputs say it. */
export function noteOf(margin: number): string {
  return `* primary metric: verdicts are on these alone, over all scenarios, with p-values by Holm over all of them; all else is description. Figures are medians over blocks with their quartiles in brackets; a block's figure is the median of its successful requests. n is the number of pairs of blocks. Each 95 % interval is of its own row. Equivalent is what lies within ${formatPercent(margin)} % as a whole.`;
}

function renderPair(pair: PairComparison, letter: string, several: boolean): string[] {
  const { evidence, scenarios, decisions, caveats } = pair;
  const primary = new Set<string>(decisions.map(({ metric }) => metric));
  const lines = [
    ...(several ? [`${letter} against A`] : []),
    ...wrap(`Meant to differ: ${describeOptions(pair)}`, width, "  "),
    `Evidence: ${evidenceText[evidence]}`,
    ...caveats.flatMap((caveat) => wrap(`! ${caveat}`, width, "  ")),
  ];
  for (const { scenario, metrics: summaries, details, outcomes, accuracy } of scenarios) {
    const head = [clip(scenario, 25), "A", letter, `${letter}/A`, "95 % interval", "n"];
    const rows = (quartiles: boolean) =>
      align([head, ...summaries.map((row) => metricRow(row, primary.has(row.metric), quartiles))]);
    // Figures of unusual size take the room of their quartiles.
    lines.push("", ...(rows(true).every((line) => line.length <= width) ? rows(true) : rows(false)));
    lines.push(...align(quantileRows(details, letter)));
    const told = [
      ...details.filter(({ quantile }) => quantile === null).map((detail) => describeDetail(detail, letter)),
      ...(accuracy === null ? [] : [describeAccuracy(accuracy, letter)]),
      `failed requests: A ${formatFailures(outcomes.a)}; ${letter} ${formatFailures(outcomes.b)}`,
    ];
    lines.push(...told.flatMap((text) => wrap(text, width - 2, "  ").map((line) => `  ${line}`)));
  }
  return lines;
}

function renderDecisions({ decisions }: PairComparison, letter: string): string[] {
  return decisions.flatMap(({ metric, effect, sentence }) => {
    const { ratio, interval, pairs } = effect;
    const overall = `All scenarios, ${metrics[metric].label}: ${letter}/A ${formatRatio(ratio)} ${formatInterval(interval, formatRatio)} over ${pairs} ${pairs === 1 ? "pair" : "pairs"}`;
    return [...wrap(overall, width, "  "), ...wrap(`Verdict: ${sentence}`, width, "  ")];
  });
}

/** How the two sides did on a suite, in one line. */
export function describeAccuracy({ a, b, onlyA, onlyB, p, detectable }: Accuracy, letter: string): string {
  const share = ({ correct, asked, interval }: Accuracy["a"]) =>
    `${correct} of ${asked} (${formatPercent(correct / asked)} % ${formatInterval(interval, formatPercent)})`;
  const power = detectable === null ? "" : `; ${formatPercent(detectable)} points would have been seen`;
  return `answers that are right: A ${share(a)}; ${letter} ${share(b)}; A alone ${onlyA}, ${letter} alone ${onlyB}, McNemar ${formatP(p)}${power}`;
}

/** "throughput, tokens/s: A 45.0, B 50.1, B/A 1.11 [1.10, 1.12]" */
export function describeDetail({ label, unit, a, b, effect }: Detail, letter: string): string {
  return `${label}, ${unit}: A ${formatNumber(a.median)}, ${letter} ${formatNumber(b.median)}, ${letter}/A ${formatRatio(effect.ratio)} ${formatInterval(effect.interval, formatRatio)}`;
}

export const evidenceText: Readonly<Record<PairComparison["evidence"], string>> = {
  interleaved: "paired by block, interleaved in time",
  "same-run": "paired by block, within one run",
  separate: "paired by block, not interleaved: weaker evidence",
};

export function describeOptions({ meantToDiffer }: { readonly meantToDiffer: readonly Difference[] }): string {
  const options = meantToDiffer.map(({ field, a, b }) => `${field} ${a ?? "–"} | ${b ?? "–"}`);
  return options.length === 0 ? "nothing (the same options on both sides)" : options.join(", ");
}

function describeSide({ label, options, measurement, blocks, site, series, model }: Side, index: number): string[] {
  const text = `${letterOf(index)}  ${label}: threads ${options.threads}, context ${options.context}, ${model.reference}; run ${measurement}, series ${series}, ${blocks.sealed} of ${blocks.planned} blocks, site ${site}`;
  return wrap(text, width, "   ");
}

function metricRow({ metric, unit, a, b, effect }: MetricSummary, primary: boolean, spread: boolean): string[] {
  const figure = ({ median, quartiles }: MetricSummary["a"]) =>
    spread ? `${formatNumber(median)} ${formatInterval(quartiles, formatNumber)}` : formatNumber(median);
  return [
    `  ${metrics[metric].label}, ${unit}${primary ? " *" : ""}`,
    figure(a),
    figure(b),
    formatRatio(effect.ratio),
    formatInterval(effect.interval, formatRatio),
    String(effect.pairs),
  ];
}

/** A row for each latency, its quantiles side by side. */
function quantileRows(details: readonly Detail[], letter: string): string[][] {
  const latencies = Map.groupBy(
    details.filter(({ quantile }) => quantile !== null),
    ({ label, unit }) => `  ${label}, ${unit}`,
  );
  const quantiles = ["p50", "p95", "p99"] as const;
  const head = ["  quantiles of requests", ...quantiles.flatMap((name) => [`${name} A`, letter, `${letter}/A`])];
  const rows = [...latencies].map(([label, all]) => [
    label,
    ...quantiles.flatMap((name) => {
      const detail = all.find(({ quantile }) => quantile === name);
      const { a, b, effect } = detail ?? { a: { median: null }, b: { median: null }, effect: { ratio: null } };
      return [formatNumber(a.median), formatNumber(b.median), formatRatio(effect.ratio)];
    }),
  ]);
  return rows.length === 0 ? [] : [head, ...rows];
}

/** Names to the left, figures to the right. */
function align(rows: readonly (readonly string[])[]): string[] {
  return alignRows(rows, rows[0]?.map((_, column) => (column === 0 ? "left" : "right")) ?? []);
}

function clipFirst([first = "", ...others]: readonly string[]): string[] {
  return [clip(first, 40), ...others];
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
