import type { MetricSummary } from "./comparison.ts";
import { formatNumber } from "./format.ts";
import { html, type Html } from "./html.ts";
import { metrics } from "./metrics.ts";

type BlockSamples = readonly { readonly a: readonly number[]; readonly b: readonly number[] }[];

/** Heights in pixels. Widths are per cent, so that a strip fills a phone as well as a desk without scaling its dots. */
const row = { height: 36, a: 11, b: 25, radius: 3.5 };

/** A strip for each pair of blocks: each dot a request, each bar a block's median, A above B. */
export function renderStrips(summary: MetricSummary, blocks: BlockSamples): Html {
  const values = blocks.flatMap(({ a, b }) => [...a, ...b]);
  if (values.length === 0) return html`<p>No request has a figure.</p>`;
  const scale = scaleOf(values);
  const { label, unit } = metrics[summary.metric];
  return html`<figure>
    <figcaption>
      ${label[0]?.toUpperCase() ?? ""}${label.slice(1)}, ${unit}, by block: <b class="a">A</b> above,
      <b class="b">B</b> below; a dot is a request, a bar the block's median
    </figcaption>
    <div class="strips">
      ${blocks.map((samples, block) => renderRow(samples, block, summary, scale))}<span></span> ${renderAxis(scale)}
    </div>
  </figure> `;
}

function renderRow(samples: BlockSamples[number], block: number, summary: MetricSummary, scale: Scale): Html {
  const [a, b] = [summary.a.blocks[block] ?? null, summary.b.blocks[block] ?? null];
  const description = `Block ${block}: A ${formatNumber(a)}, B ${formatNumber(b)} ${summary.unit}`;
  const join =
    a === null || b === null
      ? null
      : html`<line class="join" x1="${scale.place(a)}%" y1="${row.a}" x2="${scale.place(b)}%" y2="${row.b}" />`;
  return html`<span class="block">${block}</span
    ><svg class="strip" height="${row.height}" role="img" aria-label="${description}">
      <title>${description}</title>
      ${scale.ticks.map((tick) => html`<line class="grid" x1="${scale.place(tick)}%" y1="0" x2="${scale.place(tick)}%" y2="${row.height}" />`)}${join}${renderSide("a", samples.a, a, scale)}${renderSide("b", samples.b, b, scale)}
    </svg> `;
}

function renderSide(side: "a" | "b", values: readonly number[], median: number | null, scale: Scale): Html {
  const y = row[side];
  const dots = values.map((value) => html`<circle cx="${scale.place(value)}%" cy="${y}" r="${row.radius}" />`);
  if (median === null) return html`<g class="${side}">${dots}</g>`;
  const x = scale.place(median);
  return html`<g class="${side}">${dots}<line x1="${x}%" y1="${y - 7}" x2="${x}%" y2="${y + 7}" /></g>`;
}

function renderAxis({ ticks, place }: Scale): Html {
  return html`<svg class="axis" height="20" aria-hidden="true">
    ${ticks.map((tick) => html`<text x="${place(tick)}%" y="14">${Number(tick.toPrecision(6))}</text>`)}
  </svg> `;
}

interface Scale {
  readonly ticks: readonly number[];
  /** Per cent from the left, in hundredths. */
  readonly place: (value: number) => number;
}

/** Room on both sides for half a dot and half a tick's label. */
const margin = 6;

function scaleOf(values: readonly number[]): Scale {
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const range = high - low || Math.abs(high) / 10 || 1;
  const step = niceStep(range / 4);
  const first = Math.ceil(low / step);
  const count = Math.floor((low + range) / step) - first + 1;
  return {
    ticks: Array.from({ length: count }, (_, index) => (first + index) * step),
    place: (value) => Number((margin + ((value - low) / range) * (100 - 2 * margin)).toFixed(2)),
  };
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
}
