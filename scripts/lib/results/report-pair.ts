import type { Detail, MetricSummary, ScenarioComparison } from "./comparison.ts";
import { formatFailures, formatInterval, formatNumber, formatRatio } from "./format.ts";
import { html, type Html } from "./html.ts";
import { metrics } from "./metrics.ts";
import { sideClass } from "./plots/side-mark.ts";
import { letterOf } from "./side-letter.ts";
import { describeAccuracy } from "./table.ts";

/**
 * How one side did against A in a scenario.
 * @param index the side's place in the row: 1 is B
 * @param primary the metrics that have a verdict
 * @param blocks the address of the scenario's blocks
 */
export function renderPairScenario(
  { scenario, metrics: summaries, details, outcomes, accuracy }: ScenarioComparison,
  index: number,
  primary: readonly string[],
  blocks: string,
): Html {
  const letter = letterOf(index);
  const rows = summaries.map((one) => {
    const decided = primary.includes(one.metric);
    return renderRow(`${metrics[one.metric].label}, ${one.unit}${decided ? " *" : ""}`, one, letter, blocks, decided);
  });
  const more = details.map((one) =>
    renderRow([one.label, one.quantile].filter(Boolean).join(" ") + `, ${one.unit}`, one, letter, blocks, false),
  );
  return html`<h3>${scenario}</h3>
    ${renderFigures(index, [
      ...rows,
      html`<tr>
        <th scope="row">failed requests</th>
        <td data-column="A">${formatFailures(outcomes.a)}</td>
        <td data-column="${letter}">${formatFailures(outcomes.b)}</td>
        <td class="filler" colspan="3"></td>
      </tr> `,
    ])}
    ${accuracy === null ? null : html`<p>${describeAccuracy(accuracy, letter)}</p> `}
    <details>
      <summary>Quantiles and throughput</summary>
      ${renderFigures(index, more)}
    </details> `;
}

function renderFigures(index: number, rows: readonly Html[]): Html {
  const letter = letterOf(index);
  return html`<table class="figures">
    <thead>
      <tr>
        <th scope="col">Metric</th>
        <th scope="col" class="${sideClass(0)}">A</th>
        <th scope="col" class="${sideClass(index)}">${letter}</th>
        <th scope="col">${letter}/A</th>
        <th scope="col">95 % interval</th>
        <th scope="col">Pairs</th>
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table> `;
}

function renderRow(
  label: string,
  { a, b, effect }: MetricSummary | Detail,
  letter: string,
  blocks: string,
  primary: boolean,
): Html {
  const figure = ({ median, quartiles }: MetricSummary["a"]) =>
    html`<span
      >${median === null ? formatNumber(median) : html`<a href="${blocks}">${formatNumber(median)}</a>`}
      <small>${formatInterval(quartiles, formatNumber)}</small></span
    >`;
  return html`<tr${primary ? html` class="primary"` : null}><th scope="row">${label}</th><td data-column="A">${figure(a)}</td><td data-column="${letter}">${figure(b)}</td><td data-column="${letter}/A">${formatRatio(effect.ratio)}</td><td data-column="95 % interval">${formatInterval(effect.interval, formatRatio)}</td><td data-column="Pairs">${effect.pairs}</td></tr>
`;
}
