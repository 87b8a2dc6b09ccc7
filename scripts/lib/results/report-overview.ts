import type { Comparison, SideSummary } from "./comparison.ts";
import { formatInterval, formatNumber, formatPercent, missing } from "./format.ts";
import { html, type Html } from "./html.ts";
import { renderTable } from "./plots/figure.ts";
import { sideKey } from "./plots/side-mark.ts";
import { blocksId } from "./report-data.ts";

/** Every side in every scenario: a row each. */
export function renderOverview(comparison: Comparison): Html {
  const { sides, summaries } = comparison;
  const scenarios = [...new Set(summaries.flat().map(({ scenario }) => scenario))];
  const rows = scenarios.flatMap((scenario) =>
    sides.flatMap((_, index) =>
      (summaries[index] ?? [])
        .filter((one) => one.scenario === scenario)
        .map((one) => renderRow(one, index, `#${blocksId(comparison, scenario)}`)),
    ),
  );
  return renderTable({
    caption: "All sides in all scenarios",
    columns: [
      "Scenario",
      "Decode, tokens/s",
      "First token, ms: p50, p95, p99",
      "End to end, s: p50, p95, p99",
      "Throughput, tokens/s",
      "Right, %",
      "J per token",
      "Hottest, °C",
      "Failed",
    ],
    rows,
  });
}

function renderRow(summary: SideSummary, index: number, blocks: string) {
  const { scenario, decodeRate, quantiles, throughput, score, joulesPerToken, temperature, requests, failed } = summary;
  const linked = (text: string) => (text === missing ? text : html`<a href="${blocks}">${text}</a>`);
  const three = (latency: SideSummary["quantiles"]["end-to-end"]) =>
    latency === null ? missing : linked([latency.p50, latency.p95, latency.p99].map(formatNumber).join(", "));
  const right =
    score === null || score.asked === 0
      ? missing
      : `${formatPercent(score.correct / score.asked)} ${formatInterval(score.interval, formatPercent)}`;
  return [
    html`${sideKey(index)} ${scenario}`,
    linked(formatNumber(decodeRate)),
    three(quantiles["time-to-first-token"]),
    three(quantiles["end-to-end"]),
    linked(formatNumber(throughput)),
    linked(right),
    linked(formatNumber(joulesPerToken)),
    temperature === null ? missing : temperature.toFixed(0),
    `${failed} of ${requests}`,
  ];
}
