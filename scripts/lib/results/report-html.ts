import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Comparison, MetricSummary, Samples, ScenarioComparison, Side } from "./comparison.ts";
import { formatFailures, formatInterval, formatNumber, formatRatio, missing } from "./format.ts";
import { html, type Html } from "./html.ts";
import { metrics } from "./metrics.ts";
import { renderStrips } from "./report-strips.ts";
import { describeAccuracy, describeOptions, evidenceText } from "./table.ts";

const style = readFileSync(join(import.meta.dirname, "report.css"), "utf8");

/**
 * A comparison as one HTML file that needs nothing else: no script, no network (its own policy forbids both). It holds
 * no time of its own, so the same results give the same bytes. Links to raw samples assume results/compare/.
 */
export function renderReport(comparison: Comparison, samples: Samples): string {
  const { a, b, primary, scenarios, caveats } = comparison;
  const title = `${a.label} and ${b.label} compared`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${title}</title>
        <style>
          ${{ markup: style }}
        </style>
      </head>
      <body>
        <h1>${title}</h1>
        <p class="verdict ${primary.verdict}">
          <strong>${primary.sentence}</strong
          ><span
            >${metrics[primary.metric].label}, all scenarios: B/A ${formatRatio(primary.effect.ratio)}, 95 % interval
            ${formatInterval(primary.effect.interval, formatRatio)}, ${primary.effect.pairs} pairs;
            ${evidenceText[comparison.evidence]}</span
          >
        </p>
        <dl class="sides">${renderSide("a", "A", a)}${renderSide("b", "B", b)}</dl>
        <p>Meant to differ: ${describeOptions(comparison)}</p>
        ${
          caveats.length === 0
            ? null
            : html`<h2>Caveats</h2>
                <ul>
                  ${caveats.map((caveat) => html`<li>${caveat}</li> `)}
                </ul> `
        }${scenarios.map((scenario) => renderScenario(scenario, primary.metric, samples))}
        <p class="note">
          Figures are medians over blocks, with their quartiles in brackets; a block's figure is the median of its
          successful requests. B/A is the Hodges-Lehmann estimate over pairs of blocks; its interval inverts the
          sign-flip permutation test. The verdict is on the primary metric (bold) alone; all else is description.
          ${missing} is a figure that is missing.
        </p>
        <h2>Provenance</h2>
        ${renderProvenance(a, b)}
      </body>
    </html> `.markup;
}

function renderSide(side: "a" | "b", name: string, { label, options, model }: Side): Html {
  return html`<dt class="${side}">${name}</dt>
    <dd>
      <b class="${side}">${label}</b>: threads ${options.threads}, context ${options.context}, ${model.reference}
    </dd> `;
}

function renderScenario(
  { scenario, metrics: summaries, outcomes, accuracy }: ScenarioComparison,
  primary: string,
  samples: Samples,
): Html {
  const strips = summaries
    .filter(({ metric }) => metric === primary)
    .map((summary) => renderStrips(summary, samples.get(scenario) ?? []));
  return html`<h2>Scenario ${scenario}</h2>
    ${strips}
    <table class="figures">
      <thead>
        <tr>
          <th>Metric</th>
          <th class="a">A</th>
          <th class="b">B</th>
          <th>B/A</th>
          <th>95 % interval</th>
          <th>Pairs</th>
        </tr>
      </thead>
      <tbody>
        ${summaries.map((summary) => renderMetric(summary, summary.metric === primary))}
        <tr>
          <th>failed requests</th>
          <td data-column="A">${formatFailures(outcomes.a)}</td>
          <td data-column="B">${formatFailures(outcomes.b)}</td>
          <td class="filler" colspan="3"></td>
        </tr>
      </tbody>
    </table>
    ${accuracy === null ? null : html`<p>${describeAccuracy(accuracy)}</p> `}`;
}

function renderMetric({ metric, unit, a, b, effect }: MetricSummary, primary: boolean): Html {
  const figure = ({ median, quartiles }: MetricSummary["a"]) =>
    html`<span>${formatNumber(median)} <small>${formatInterval(quartiles, formatNumber)}</small></span>`;
  return html`<tr${primary ? html` class="primary"` : null}><th>${metrics[metric].label}, ${unit}</th><td data-column="A">${figure(a)}</td><td data-column="B">${figure(b)}</td><td data-column="B/A">${formatRatio(effect.ratio)}</td><td data-column="95 % interval">${formatInterval(effect.interval, formatRatio)}</td><td data-column="Pairs">${effect.pairs}</td></tr>
`;
}

function renderProvenance(a: Side, b: Side): Html {
  const node = ({ name, model, architecture, cpus, memoryMegabytes, pageSize, kernel }: Side["nodes"]["model"]) =>
    `${name}: ${model ?? "unknown board"}, ${architecture ?? missing}, ${cpus ?? missing} CPUs, ${memoryMegabytes ?? missing} MB, pages of ${pageSize ?? missing} bytes, kernel ${kernel ?? missing}`;
  const rows: [string, (side: Side) => string | Html][] = [
    ["stack", ({ stack }) => stack],
    ["variant", ({ variant }) => variant],
    [
      "run",
      ({ stack, measurement }) =>
        html`${measurement} (<a href="../${stack}/${measurement}/raw/">raw samples</a>,
          <a href="../${stack}/${measurement}/manifest.json">manifest</a>)`,
    ],
    ["plan's SHA-256", ({ planDigest }) => planDigest],
    ["series", ({ series }) => String(series)],
    ["measured", ({ measured }) => (measured === null ? missing : `${measured.from} to ${measured.to}`)],
    [
      "blocks",
      ({ blocks }) =>
        `${blocks.sealed} of ${blocks.planned} sealed, ${blocks.partial} partial, ${blocks.missing} missing, ${blocks.invalid} invalid`,
    ],
    ["site", ({ site }) => site],
    ["model's node", ({ nodes }) => node(nodes.model)],
    ["runner's node", ({ nodes }) => node(nodes.runner)],
    ["model", ({ model }) => `${model.reference}, ${model.digest}`],
    ["Ollama", ({ versions, images }) => `${versions.ollama.join(", ") || missing}, ${images.ollama}`],
    ["runner", ({ images }) => images.runner],
    ["K3s", ({ versions }) => versions.k3s ?? missing],
    [
      "Bramble's source",
      ({ source }) =>
        source === null ? missing : `${source.commit}${source.dirty ? ", with uncommitted changes" : ""}`,
    ],
  ];
  return html`<table>
    <thead>
      <tr>
        <th></th>
        <th class="a">A</th>
        <th class="b">B</th>
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ([name, of]) =>
          html`<tr>
            <th>${name}</th>
            <td>${of(a)}</td>
            <td>${of(b)}</td>
          </tr> `,
      )}
    </tbody>
  </table> `;
}
