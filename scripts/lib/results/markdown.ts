import type { Comparison, Detail, MetricSummary, PairComparison, ScenarioComparison } from "./comparison.ts";
import { formatFailures, formatInterval, formatNumber, formatRatio } from "./format.ts";
import { metrics } from "./metrics.ts";
import { letterOf } from "./side-letter.ts";
import { paperRows, paretoRows } from "./side-tables.ts";
import { describeAccuracy, describeOptions, evidenceText, noteOf } from "./table.ts";

/** A comparison as Markdown that a GitHub comment takes: the verdicts, the caveats, and the figures folded away. */
export function renderMarkdown(comparison: Comparison): string {
  const { sides, pairs, paper, caveats, margin } = comparison;
  const parts = [
    `### ${sides.map(({ label }) => escape(label)).join(" · ")}`,
    list(
      pairs.flatMap(({ decisions }, place) =>
        decisions.map(({ verdict, sentence }) => `**${letterOf(place + 1)}: ${verdict}**: ${escape(sentence)}`),
      ),
    ),
    list(
      sides.map(
        ({ label, options, model, measurement, series, blocks }, index) =>
          `${letterOf(index)}: **${escape(label)}**, threads ${options.threads}, context ${options.context}, ${escape(model.reference)}; run ${measurement}, series ${series}, ${blocks.sealed} of ${blocks.planned} blocks`,
      ),
    ),
    ...(caveats.length === 0 ? [] : [list(caveats.map((caveat) => `:warning: ${escape(caveat)}`))]),
    ...pairs.flatMap((pair, place) => renderPair(pair, letterOf(place + 1))),
    table(paretoRows(comparison)),
    ...(paper === null
      ? []
      : [
          ...paperRows(paper).flatMap(({ title, rows }) => [escape(title), table(rows)]),
          list(paper.notes.map((note) => `:warning: ${escape(note)}`)),
        ]),
    escape(noteOf(margin)),
  ];
  return `${parts.join("\n\n")}\n`;
}

function renderPair(pair: PairComparison, letter: string): string[] {
  const facts = [
    `Meant to differ: ${describeOptions(pair)}`,
    `Evidence: ${evidenceText[pair.evidence]}`,
    ...pair.caveats.map((caveat) => `:warning: ${caveat}`),
  ];
  const primary = new Set<string>(pair.decisions.map(({ metric }) => metric));
  return [
    `#### ${letter} against A`,
    list(facts.map(escape)),
    ...pair.scenarios.flatMap((scenario) => renderScenario(scenario, primary, letter)),
  ];
}

function renderScenario(
  { scenario, metrics: summaries, details, outcomes, accuracy }: ScenarioComparison,
  primary: ReadonlySet<string>,
  letter: string,
): string[] {
  const head = [scenario, "A", letter, `${letter}/A`, "95 % interval", "pairs"];
  const failed = `failed requests: A ${formatFailures(outcomes.a)}; ${letter} ${formatFailures(outcomes.b)}`;
  const metric = (row: MetricSummary) =>
    figureRow(`${metrics[row.metric].label}${primary.has(row.metric) ? " *" : ""}`, row);
  const detail = (row: Detail) => figureRow(row.quantile === null ? row.label : `${row.label}, ${row.quantile}`, row);
  return [
    table([head, ...summaries.map(metric)]),
    list([...(accuracy === null ? [] : [describeAccuracy(accuracy, letter)]), failed].map(escape)),
    `<details><summary>Quantiles and throughput</summary>\n\n${table([head, ...details.map(detail)])}\n\n</details>`,
  ];
}

function figureRow(name: string, { unit, a, b, effect }: MetricSummary | Detail): string[] {
  const figure = ({ median, quartiles }: MetricSummary["a"]) =>
    `${formatNumber(median)} ${formatInterval(quartiles, formatNumber)}`;
  return [
    `${name}, ${unit}`,
    figure(a),
    figure(b),
    formatRatio(effect.ratio),
    formatInterval(effect.interval, formatRatio),
    String(effect.pairs),
  ];
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}

/** The first row holds the titles. */
function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => escape(cell.trim())).join(" | ")} |`;
  const rule = `| ${head.map((_, column) => (column === 0 ? "---" : "---:")).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** What Markdown, HTML in it, and GitHub's own signs (mentions, references) would read as theirs. */
function escape(text: string): string {
  return text
    .replaceAll(/[\\`*_{}[\]<>|~]/g, "\\$&")
    .replaceAll(/[@#](?=\w)/g, "$&\u200b")
    .replaceAll(/\s*\n\s*/g, " ");
}
