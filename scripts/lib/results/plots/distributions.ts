import { median } from "simple-statistics";
import { formatNumber } from "../format.ts";
import { html, type Html } from "../html.ts";
import { figure, noPlot } from "./figure.ts";
import { linearAxis, type Axis } from "./frame.ts";
import { legend, sideClass, type PlotSide } from "./side-mark.ts";
import { letterOf } from "../side-letter.ts";

/** One block of one side. */
export interface BlockSamples {
  readonly side: number;
  readonly block: number;
  /** The block's figure: the median of its requests. */
  readonly figure: number | null;
  /** Requests' figures; where they were very many, order statistics that stand for them. */
  readonly samples: readonly number[];
  /** Where its raw samples lie. */
  readonly raw: string | null;
}

/** As many lanes are shown at once; more of them are folded. */
const atOnce = 12;
/** A lane's height in pixels. */
const lane = 22;

/** Of each side all blocks in one lane, then each block's requests in a lane that leads to its raw samples. */
export function renderDistributions(of: {
  readonly id: string;
  /** "Decode rate, tokens/s" */
  readonly label: string;
  readonly unit: string;
  readonly sides: readonly PlotSide[];
  readonly blocks: readonly BlockSamples[];
}): Html {
  const { id, label, unit, sides, blocks } = of;
  const figures = blocks.flatMap(({ figure }) => figure ?? []);
  if (figures.length === 0) return noPlot(`No distribution of ${label}: no request has such a figure.`);
  const requests = linearAxis(label, [...blocks.flatMap(({ samples }) => samples), ...figures]);
  const medians = linearAxis(label, figures);
  const rows = [...Map.groupBy(blocks, ({ block }) => block)].sort(([a], [b]) => a - b);
  return figure({
    id,
    caption: html`${label}. Above, a dot is a block's median and a bar the median of all blocks. Block by block, on a
    scale of its own, a dot is a request and a bar the block's median; each lane leads to its raw samples`,
    plots: [
      legend(sides),
      html`<div class="strips">
        <span></span>
        <div>${sides.map((side) => renderAll(side, blocks, medians))}</div>
        <span></span>${renderAxis(medians)}
      </div>`,
      html`<details${blocks.length <= atOnce ? html` open` : null}><summary>Block by block</summary>
        <div class="strips">
          ${rows.map(
            ([block, lanes]) =>
              html`<span class="block">${block}</span>
                <div>${lanes.map((one) => renderBlock(one, unit, requests))}</div> `,
          )}<span></span>${renderAxis(requests)}
        </div></details
      > `,
    ],
  });
}

function renderAll({ index }: PlotSide, blocks: readonly BlockSamples[], axis: Axis): Html {
  const figures = blocks.flatMap(({ side, figure }) => (side === index ? (figure ?? []) : []));
  const middle = figures.length === 0 ? null : median(figures);
  return html`<div class="lane ${sideClass(index)}">${renderLane(index, figures, middle, axis)}</div>`;
}

function renderBlock({ side, block, figure, samples, raw }: BlockSamples, unit: string, axis: Axis): Html {
  const drawing = renderLane(side, samples, figure, axis);
  if (raw === null) return html`<div class="lane ${sideClass(side)}">${drawing}</div>`;
  const text = `Block ${block}, ${letterOf(side)}: ${formatNumber(figure)} ${unit}; raw samples`;
  return html`<a class="lane ${sideClass(side)}" href="${raw}" title="${text}" aria-label="${text}">${drawing}</a>`;
}

/** Dots are one path of points without length, whose round ends are what is seen: thousands cost little. */
function renderLane(side: number, values: readonly number[], bar: number | null, axis: Axis): Html {
  const dots = values.map((value, index) => `M${Math.round(axis.place(value) * 10)},${height(index)}h0`).join("");
  const x = bar === null ? null : axis.place(bar);
  return html`<span aria-hidden="true">${letterOf(side)}</span
    ><svg height="${lane}" aria-hidden="true">
      ${axis.ticks.map(({ at }) => html`<line class="grid" x1="${axis.place(at)}%" x2="${axis.place(at)}%" y1="0" y2="100%" />`)}<svg
        viewBox="0 0 1000 ${lane}"
        preserveAspectRatio="none"
        width="100%"
        height="100%"
      >
        <path class="dots" d="${dots}" /></svg
      >${x === null ? null : html`<line class="bar" x1="${x}%" x2="${x}%" y1="2" y2="${lane - 2}" />`}
    </svg>`;
}

/** Dots spread over the lane's middle by the golden ratio, so that neighbours seldom hide each other. */
function height(index: number): number {
  const spread = ((index + 1) * 0.618034) % 1;
  return Number((lane * (0.3 + 0.4 * spread)).toFixed(1));
}

function renderAxis({ ticks, place }: Axis): Html {
  return html`<svg class="strip-axis" height="20" aria-hidden="true">
    ${ticks.map(({ at, text }) => html`<text x="${place(at)}%" y="14">${text}</text>`)}
  </svg> `;
}
