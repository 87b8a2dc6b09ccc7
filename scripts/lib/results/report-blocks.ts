import type { Comparison, MetricSummary, Samples, Side } from "./comparison.ts";
import { formatNumber } from "./format.ts";
import { html, type Html } from "./html.ts";
import { metrics, type MetricName } from "./metrics.ts";
import { renderDistributions } from "./plots/distributions.ts";
import { renderTable } from "./plots/figure.ts";
import { sideKey } from "./plots/side-mark.ts";
import { blocksId, scenariosOf } from "./report-data.ts";
import { linkTo } from "./report-links.ts";

/** One side's figures in one scenario, by block. */
interface SideBlocks {
  readonly index: number;
  readonly side: Side;
  readonly metrics: readonly {
    readonly metric: MetricName;
    readonly unit: string;
    readonly blocks: readonly (number | null)[];
  }[];
}

/** How a scenario's requests are spread in each primary metric, and what every block of every side gave. */
export function renderScenarioBlocks(
  comparison: Comparison,
  samples: readonly Samples[],
  scenario: string,
  primary: readonly MetricName[],
): Html {
  const sides = sidesIn(comparison, scenario);
  const place = scenariosOf(comparison).indexOf(scenario);
  return html`${primary.map((metric) => renderMetric(samples, sides, scenario, metric, `distribution-${place}-${metric}`))}${renderFigures(sides, scenario, blocksId(comparison, scenario))}`;
}

function renderMetric(
  samples: readonly Samples[],
  sides: readonly SideBlocks[],
  scenario: string,
  metric: MetricName,
  id: string,
): Html {
  const { label, unit } = metrics[metric];
  return renderDistributions({
    ...{ id, unit, label: `${label.slice(0, 1).toUpperCase()}${label.slice(1)}, ${unit}` },
    sides: sides.map(({ index, side }) => ({ index, label: side.label })),
    blocks: sides.flatMap(({ index, side, metrics: figures }) =>
      (figures.find((one) => one.metric === metric)?.blocks ?? []).map((figure, block) => ({
        ...{ side: index, block, figure, samples: samples[index]?.get(scenario)?.[block]?.[metric] ?? [] },
        raw: figure === null ? null : linkTo.block(side, block),
      })),
    ),
  });
}

/** A's figures are those of the first pair that has them: they are the same in each. */
function sidesIn({ sides, pairs }: Comparison, scenario: string): SideBlocks[] {
  const compared = pairs.map(({ scenarios }) => scenarios.find((one) => one.scenario === scenario)?.metrics);
  return sides.flatMap((side, index) => {
    const figures = index === 0 ? compared.find((one) => one !== undefined) : compared[index - 1];
    if (figures === undefined) return [];
    const own = (summary: MetricSummary) => (index === 0 ? summary.a : summary.b);
    return [{ index, side, metrics: figures.map((one) => ({ ...one, blocks: own(one).blocks })) }];
  });
}

function renderFigures(sides: readonly SideBlocks[], scenario: string, id: string): Html {
  const columns = sides[0]?.metrics ?? [];
  const count = Math.max(0, ...sides.flatMap(({ metrics: figures }) => figures.map(({ blocks }) => blocks.length)));
  return html`<details>
    <summary>Every block's figures, with the raw samples</summary>
    ${renderTable({
      id,
      caption: `${scenario}, block by block`,
      columns: ["Block", ...columns.map(({ metric, unit }) => `${metrics[metric].label}, ${unit}`)],
      rows: Array.from({ length: count }, (_, block) =>
        sides.map(({ index, side, metrics: figures }) => [
          html`${block} ${sideKey(index)}`,
          ...figures.map(({ blocks }) => {
            const figure = blocks[block] ?? null;
            return figure === null
              ? formatNumber(figure)
              : html`<a href="${linkTo.block(side, block)}">${formatNumber(figure)}</a>`;
          }),
        ]),
      ).flat(),
    })}
  </details> `;
}
