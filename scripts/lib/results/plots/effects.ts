import { formatInterval, formatRatio } from "../format.ts";
import { html, type Html } from "../html.ts";
import { figure, noPlot } from "./figure.ts";
import { linearAxis, type Axis } from "./frame.ts";
import { sideClass } from "./side-mark.ts";
import { letterOf } from "../side-letter.ts";

/** A side's figure over A's. */
export interface EffectRow {
  readonly side: number;
  readonly label: string;
  readonly ratio: number | null;
  readonly interval: readonly [number, number] | null;
  /** Whether a verdict is on it; the others are description. */
  readonly decided: boolean;
}

/** A row's height in pixels. */
const height = 30;

/**
 * Each side's ratio to A with its interval, around the line at 1 where the two are alike.
 * @param margin of equivalence as a fraction: within it a difference does not matter
 */
export function renderEffects(rows: readonly EffectRow[], margin: number): Html {
  const known = rows.flatMap(({ ratio, interval }) => (ratio === null ? [] : [ratio, ...(interval ?? [])]));
  if (known.length === 0) return noPlot("No ratios: no block has a figure on both sides.");
  const band = [1 / (1 + margin), 1 + margin] as const;
  const axis = linearAxis("Ratio to A", [...known, 1, ...band]);
  return figure({
    id: "effects",
    caption: html`Ratio to A with its 95 % interval; a filled marker has a verdict, a hollow one is description; the
    band is the margin within which two count as equal (${formatRatio(band[0])} to ${formatRatio(band[1])})`,
    plots: [
      html`<div class="effects">
        ${rows.map((row) => renderRow(row, axis, band))}<span></span>
        <svg class="strip-axis" height="20" aria-hidden="true">
          ${axis.ticks.map(({ at, text }) => html`<text x="${axis.place(at)}%" y="14">${text}</text>`)}
        </svg>
      </div>`,
    ],
  });
}

function renderRow(row: EffectRow, axis: Axis, band: readonly [number, number]): Html {
  const { side, label, ratio, interval, decided } = row;
  const place = (value: number) => `${axis.place(value)}%`;
  const text = `${letterOf(side)}/A, ${label}: ${formatRatio(ratio)} ${formatInterval(interval, formatRatio)}`;
  const middle = height / 2;
  return html`<span class="${decided ? "decided" : "described"}"
      ><b class="${sideClass(side)}">${letterOf(side)}/A</b> ${label}</span
    ><svg class="${sideClass(side)}" height="${height}" role="img" aria-label="${text}">
      <title>${text}</title>
      <rect
        class="band"
        x="${place(band[0])}"
        width="${Number((axis.place(band[1]) - axis.place(band[0])).toFixed(2))}%"
        y="0"
        height="100%"
      />
      ${axis.ticks.map(({ at }) => html`<line class="grid" x1="${place(at)}" x2="${place(at)}" y1="0" y2="100%" />`)}
      <line class="one" x1="${place(1)}" x2="${place(1)}" y1="0" y2="100%" />
      ${interval === null ? null : html`<line class="interval" x1="${place(interval[0])}" x2="${place(interval[1])}" y1="${middle}" y2="${middle}" />`}${
        ratio === null
          ? null
          : html`<circle class="${decided ? "decided" : "described"}" cx="${place(ratio)}" cy="${middle}" r="5" />`
      }
    </svg> `;
}
