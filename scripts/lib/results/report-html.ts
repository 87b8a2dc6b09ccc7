import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Comparison, MetricSummary, PairComparison, Samples, ScenarioComparison, Side } from "./comparison.ts";
import { enumerate, formatFailures, formatInterval, formatNumber, formatRatio, missing } from "./format.ts";
import { html, type Html } from "./html.ts";
import { metrics } from "./metrics.ts";
import { renderStrips } from "./report-strips.ts";
import { letterOf } from "./side-letter.ts";
import { paperRows, paretoRows } from "./side-tables.ts";
import { describeAccuracy, describeDetail, describeOptions, evidenceText, noteOf } from "./table.ts";

const style = readFileSync(join(import.meta.dirname, "report.css"), "utf8");

/**
 * A comparison as one HTML file that needs nothing else: no script, no network (its own policy forbids both). It holds
 * no time of its own, so the same results give the same bytes. Links to raw samples assume results/compare/.
 */
export function renderReport(comparison: Comparison, samples: readonly Samples[]): string {
  const { sides, pairs, paper, caveats, margin } = comparison;
  const title = `${enumerate(sides.map(({ label }) => label))} compared`;
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
        ${pairs.map((pair, place) => renderDecisions(pair, letterOf(place + 1)))}
        <dl class="sides">${sides.map(renderSide)}</dl>
        ${renderCaveats(caveats)}${pairs.map((pair, place) => renderPair(pair, place + 1, samples))}
        <h2>Accuracy, speed and energy</h2>
        ${renderRows(paretoRows(comparison))}${
          paper === null
            ? null
            : html`<h2>Published, and predicted</h2>
                ${paperRows(paper).map(
                  ({ title: caption, rows }) =>
                    html`<p>${caption}</p>
                      ${renderRows(rows)}`,
                )}${renderCaveats(paper.notes)}`
        }
        <p class="note">
          ${noteOf(margin)} A ratio is the Hodges-Lehmann estimate over pairs of blocks; its interval inverts the
          sign-flip permutation test. ${missing} is a figure that is missing.
        </p>
        <h2>Provenance</h2>
        ${renderProvenance(sides)}
      </body>
    </html> `.markup;
}

function renderDecisions({ decisions, evidence }: PairComparison, letter: string): Html {
  return html`${decisions.map(
    ({ metric, verdict, sentence, effect }) =>
      html`<p class="verdict ${verdict}">
        <strong>${sentence}</strong
        ><span
          >${metrics[metric].label}, all scenarios: ${letter}/A ${formatRatio(effect.ratio)}, 95 % interval
          ${formatInterval(effect.interval, formatRatio)}, ${effect.pairs} pairs; ${evidenceText[evidence]}</span
        >
      </p> `,
  )}`;
}

function renderSide({ label, options, model }: Side, index: number): Html {
  return html`<dt class="${index === 0 ? "a" : "b"}">${letterOf(index)}</dt>
    <dd><b>${label}</b>: threads ${options.threads}, context ${options.context}, ${model.reference}</dd> `;
}

function renderCaveats(caveats: readonly string[]): Html | null {
  return caveats.length === 0
    ? null
    : html`<h2>Caveats</h2>
        <ul>
          ${caveats.map((caveat) => html`<li>${caveat}</li> `)}
        </ul> `;
}

function renderPair(pair: PairComparison, index: number, samples: readonly Samples[]): Html {
  const primary = new Set<string>(pair.decisions.map(({ metric }) => metric));
  return html`<h2>${letterOf(index)} against A</h2>
    <p>Meant to differ: ${describeOptions(pair)}</p>
    ${renderCaveats(pair.caveats)}${pair.scenarios.map((scenario) => renderScenario(scenario, primary, index, samples))}`;
}

function renderRows([head = [], ...rows]: readonly (readonly string[])[]): Html {
  return html`<table>
    <thead>
      <tr>
        ${head.map((cell) => html`<th>${cell}</th> `)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            ${row.map((cell) => html`<td>${cell}</td> `)}
          </tr> `,
      )}
    </tbody>
  </table> `;
}

function renderScenario(
  { scenario, metrics: summaries, details, outcomes, accuracy }: ScenarioComparison,
  primary: ReadonlySet<string>,
  index: number,
  samples: readonly Samples[],
): Html {
  const letter = letterOf(index);
  const blocks = (side: number) => samples[side]?.get(scenario) ?? [];
  const strips = summaries
    .filter(({ metric }) => primary.has(metric))
    .map((summary) =>
      renderStrips(
        summary,
        summary.a.blocks.map((_, block) => ({
          a: blocks(0)[block]?.[summary.metric] ?? [],
          b: blocks(index)[block]?.[summary.metric] ?? [],
        })),
      ),
    );
  return html`<h2>Scenario ${scenario}</h2>
    ${strips}
    <table class="figures">
      <thead>
        <tr>
          <th>Metric</th>
          <th class="a">A</th>
          <th class="b">${letter}</th>
          <th>${letter}/A</th>
          <th>95 % interval</th>
          <th>Pairs</th>
        </tr>
      </thead>
      <tbody>
        ${summaries.map((summary) => renderMetric(summary, primary.has(summary.metric)))}
        <tr>
          <th>failed requests</th>
          <td data-column="A">${formatFailures(outcomes.a)}</td>
          <td data-column="B">${formatFailures(outcomes.b)}</td>
          <td class="filler" colspan="3"></td>
        </tr>
      </tbody>
    </table>
    ${accuracy === null ? null : html`<p>${describeAccuracy(accuracy, letter)}</p> `}
    <ul>
      ${details.map((detail) => html`<li>${detail.quantile ?? ""} ${describeDetail(detail, letter)}</li> `)}
    </ul> `;
}

function renderMetric({ metric, unit, a, b, effect }: MetricSummary, primary: boolean): Html {
  const figure = ({ median, quartiles }: MetricSummary["a"]) =>
    html`<span>${formatNumber(median)} <small>${formatInterval(quartiles, formatNumber)}</small></span>`;
  return html`<tr${primary ? html` class="primary"` : null}><th>${metrics[metric].label}, ${unit}</th><td data-column="A">${figure(a)}</td><td data-column="B">${figure(b)}</td><td data-column="B/A">${formatRatio(effect.ratio)}</td><td data-column="95 % interval">${formatInterval(effect.interval, formatRatio)}</td><td data-column="Pairs">${effect.pairs}</td></tr>
`;
}

function renderProvenance(sides: readonly Side[]): Html {
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
        ${sides.map((_, index) => html`<th>${letterOf(index)}</th> `)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ([name, of]) =>
          html`<tr>
            <th>${name}</th>
            ${sides.map((side) => html`<td>${of(side)}</td> `)}
          </tr> `,
      )}
    </tbody>
  </table> `;
}
