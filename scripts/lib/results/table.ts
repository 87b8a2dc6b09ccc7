import type { Accuracy, Comparison, MetricSummary, Side } from "./comparison.ts";
import { formatFailures, formatInterval, formatNumber, formatP, formatPercent, formatRatio, wrap } from "./format.ts";
import { metrics } from "./metrics.ts";

/** Columns of the terminal that the table keeps within. */
const width = 100;

/** A comparison as plain text. */
export function renderTable(comparison: Comparison): string {
  const { a, b, primary, scenarios, caveats } = comparison;
  const lines = [
    ...describeSide("A", a),
    ...describeSide("B", b),
    ...wrap(`Meant to differ: ${describeOptions(comparison)}`, width, "  "),
    `Evidence: ${evidenceText[comparison.evidence]}`,
  ];
  for (const { scenario, metrics: summaries, outcomes, accuracy } of scenarios) {
    const rows = summaries.map((summary) => metricRow(summary, summary.metric === primary.metric));
    lines.push("", ...alignRows([[clip(scenario, 25), "A", "B", "B/A", "95 % interval", "n"], ...rows]));
    if (accuracy !== null) lines.push(...wrap(describeAccuracy(accuracy), width - 2, "  ").map((line) => `  ${line}`));
    const [failedA, failedB] = [formatFailures(outcomes.a), formatFailures(outcomes.b)];
    lines.push(...wrap(`failed requests: A ${failedA}; B ${failedB}`, width - 2, "  ").map((line) => `  ${line}`));
  }
  const note =
    "* primary metric. Figures are medians over blocks with their quartiles in brackets; a block's figure is the median of its successful requests. n is the number of pairs of blocks.";
  lines.push("", ...wrap(note, width, "  "));
  for (const caveat of caveats) lines.push(...wrap(`! ${caveat}`, width, "  "));
  const { ratio, interval, pairs } = primary.effect;
  const overall = `All scenarios, ${metrics[primary.metric].label}: B/A ${formatRatio(ratio)} ${formatInterval(interval, formatRatio)} over ${pairs} ${pairs === 1 ? "pair" : "pairs"}`;
  lines.push("", ...wrap(overall, width, "  "), ...wrap(`Verdict: ${primary.sentence}`, width, "  "));
  return `${lines.join("\n")}\n`;
}

/** How the two sides did on a suite, in one line. */
export function describeAccuracy({ a, b, onlyA, onlyB, p, detectable }: Accuracy): string {
  const share = ({ correct, asked, interval }: Accuracy["a"]) =>
    `${correct} of ${asked} (${formatPercent(correct / asked)} % ${formatInterval(interval, formatPercent)})`;
  const power = detectable === null ? "" : `; ${formatPercent(detectable)} points would have been seen`;
  return `answers that are right: A ${share(a)}; B ${share(b)}; A alone ${onlyA}, B alone ${onlyB}, McNemar ${formatP(p)}${power}`;
}

export const evidenceText: Readonly<Record<Comparison["evidence"], string>> = {
  interleaved: "paired by block, interleaved in time",
  "same-run": "paired by block, within one run",
  separate: "paired by block, not interleaved: weaker evidence",
};

export function describeOptions({ meantToDiffer }: Comparison): string {
  const options = meantToDiffer.map(({ field, a, b }) => `${field} ${a ?? "–"} | ${b ?? "–"}`);
  return options.length === 0 ? "nothing (the same options on both sides)" : options.join(", ");
}

function describeSide(name: string, { label, options, measurement, blocks, site, series, model }: Side): string[] {
  const text = `${name}  ${label}: threads ${options.threads}, context ${options.context}, ${model.reference}; run ${measurement}, series ${series}, ${blocks.sealed} of ${blocks.planned} blocks, site ${site}`;
  return wrap(text, width, "   ");
}

function metricRow({ metric, unit, a, b, effect }: MetricSummary, primary: boolean): string[] {
  const figure = ({ median, quartiles }: MetricSummary["a"]) =>
    `${formatNumber(median)} ${formatInterval(quartiles, formatNumber)}`;
  return [
    `  ${metrics[metric].label}, ${unit}${primary ? " *" : ""}`,
    figure(a),
    figure(b),
    formatRatio(effect.ratio),
    formatInterval(effect.interval, formatRatio),
    String(effect.pairs),
  ];
}

/** Pads cells to their column's width, two spaces apart: the first column to the left, figures to the right. */
function alignRows(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  "),
  );
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
