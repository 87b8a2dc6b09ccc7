import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Comparison, PairComparison, Side } from "./comparison.ts";
import { enumerate, formatInterval, formatP, formatRatio, missing } from "./format.ts";
import { html, type Html } from "./html.ts";
import { metrics } from "./metrics.ts";
import { renderEffects, type EffectRow } from "./plots/effects.ts";
import { sideClass, sideKey } from "./plots/side-mark.ts";
import { letterOf } from "./side-letter.ts";
import { describeDifference } from "./likeness.ts";
import { renderScenarioBlocks } from "./report-blocks.ts";
import { blocksId, scenariosOf, type PlotData } from "./report-data.ts";
import { renderOverview } from "./report-overview.ts";
import { renderPairScenario } from "./report-pair.ts";
import { renderPaper } from "./report-paper.ts";
import { plotSections } from "./report-plots.ts";
import { renderProvenance } from "./report-provenance.ts";
import { renderSections, type Section } from "./report-section.ts";
import { describeOptions, evidenceText, noteOf } from "./table.ts";

const style = readFileSync(join(import.meta.dirname, "report.css"), "utf8");

/**
 * A comparison as one HTML file that needs nothing else: no script, no network (its own policy forbids both). It holds
 * no time of its own, so the same results give the same bytes. Links to raw samples assume results/compare/.
 */
export function renderReport(comparison: Comparison, plots: PlotData): string {
  const { sides, pairs, margin } = comparison;
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
        <main>
          <h1>${title}</h1>
          ${pairs.map((pair, index) => renderDecisions(pair, index + 1))}
          <dl class="sides">${sides.map(renderSide)}</dl>
          ${renderEffects(effectRows(pairs), margin)}${renderCaveats(comparison)}
          ${renderSections(sectionsOf(comparison, plots))}
        </main>
      </body>
    </html> `.markup;
}

function sectionsOf(comparison: Comparison, { samples, nodes }: PlotData): Section[] {
  const { sides, pairs, paper } = comparison;
  const primary = [...new Set(pairs.flatMap(({ decisions }) => decisions.map(({ metric }) => metric)))];
  const distributions = scenariosOf(comparison).map(
    (scenario) =>
      html`<h3>${scenario}</h3>
        ${renderScenarioBlocks(comparison, samples, scenario, primary)}`,
  );
  return [
    { id: "overview", title: "Overview", content: renderOverview(comparison) },
    ...pairs.map((pair, index) => renderPair(comparison, pair, index + 1, primary)),
    { id: "distributions", title: "Distributions", content: html`${distributions}` },
    ...plotSections(comparison, nodes),
    ...(paper === null ? [] : [{ id: "paper", title: "Beside what was published", content: renderPaper(paper) }]),
    { id: "provenance", title: "Provenance", content: renderProvenance(sides) },
  ];
}

function renderDecisions({ decisions, evidence }: PairComparison, index: number): Html {
  return html`${decisions.map(({ metric, verdict, sentence, effect, p, adjusted }) => {
    const test = adjusted === null || p === null ? "no test" : `adjusted ${formatP(adjusted)}, alone ${formatP(p)}`;
    return html`<p class="verdict ${verdict} ${sideClass(index)}">
      <strong>${sentence}</strong
      ><span
        >${sideKey(index)} ${metrics[metric].label}, all scenarios: ${letterOf(index)}/A ${formatRatio(effect.ratio)},
        95 % interval ${formatInterval(effect.interval, formatRatio)}, ${effect.pairs} pairs; ${test};
        ${evidenceText[evidence]}</span
      >
    </p> `;
  })}`;
}

function renderSide({ label, options, model }: Side, index: number): Html {
  return html`<dt>${sideKey(index)}</dt>
    <dd><b>${label}</b>: threads ${options.threads}, context ${options.context}, ${model.reference}</dd> `;
}

/** Of every pair its decisions, then the same metrics scenario by scenario. */
function effectRows(pairs: readonly PairComparison[]): EffectRow[] {
  return pairs.flatMap(({ decisions, scenarios }, index) =>
    decisions.flatMap(({ metric, effect }) => {
      const side = index + 1;
      const { label } = metrics[metric];
      const each = scenarios.flatMap(({ scenario, metrics: summaries }) =>
        summaries
          .filter((summary) => summary.metric === metric)
          .map((summary) => ({ side, label: scenario, ...summary.effect, decided: false })),
      );
      return [{ side, label, ...effect, decided: true }, ...(each.length > 1 ? each : [])];
    }),
  );
}

function renderCaveats({ pairs, caveats }: Comparison): Html | null {
  const all = [
    ...caveats,
    ...pairs.flatMap((pair, index) => pair.caveats.map((caveat) => `${letterOf(index + 1)}/A: ${caveat}`)),
  ];
  if (all.length === 0) return null;
  return html`<section class="caveats">
    <h2>Caveats</h2>
    <ul>
      ${all.map((caveat) => html`<li>${caveat}</li> `)}
    </ul>
  </section> `;
}

function renderPair(comparison: Comparison, pair: PairComparison, index: number, primary: readonly string[]): Section {
  const { sides } = comparison;
  const { allowed, scenarios } = pair;
  return {
    id: `pair-${letterOf(index).toLowerCase()}`,
    title: `${sides[index]?.label ?? ""} against ${sides[0]?.label ?? ""}`,
    content: html`<p>Meant to differ: ${describeOptions(pair)}</p>
      ${allowed.length === 0 ? null : html`<p>Allowed to differ as well: ${allowed.map(describeDifference).join("; ")}</p> `}
      ${scenarios.map((one) => renderPairScenario(one, index, primary, `#${blocksId(comparison, one.scenario)}`))}
      <p class="note">
        ${noteOf(comparison.margin)} A ratio is the Hodges-Lehmann estimate over pairs of blocks; its interval inverts
        the sign-flip permutation test. A median leads to its blocks, a block's figure to its raw samples. ${missing} is
        a figure that is missing.
      </p> `,
  };
}
