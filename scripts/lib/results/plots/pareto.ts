import { formatInterval, formatNumber, formatPercent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { figure, noPlot } from "./figure.ts";
import { frame, fromTop, linearAxis, placed, type Axis } from "./frame.ts";
import { legend, markPath, sideClass, sideKey, type PlotSide } from "./side-mark.ts";
import { letterOf } from "../side-letter.ts";

/** What a variant was worth. */
export interface WorthPoint {
  /** Null for a variant of the same runs that is not compared. */
  readonly side: number | null;
  readonly label: string;
  /** Share of the suites' items that are right. */
  readonly accuracy: number | null;
  /** 95 %, of the share. */
  readonly interval: readonly [number, number] | null;
  /** Tokens/s. */
  readonly decodeRate: number | null;
  readonly joulesPerToken: number | null;
  readonly onFront: boolean | null;
}

type Known = WorthPoint & { readonly accuracy: number; readonly decodeRate: number };

/** Accuracy against speed, and against energy: those that no other beats in everything are marked. */
export function renderPareto(sides: readonly PlotSide[], points: readonly WorthPoint[]): Html {
  const known = points.filter((point): point is Known => point.accuracy !== null && point.decodeRate !== null);
  if (known.length === 0)
    return noPlot("No accuracy against speed: no scenario asks a suite, so no answer could be scored.");
  const present = sides.filter(({ index }) => known.some(({ side }) => side === index));
  const absent = points.filter((point) => !known.includes(point as Known));
  const y = linearAxis("Right answers, %", known.flatMap(shares).map((share) => share * 100)); // prettier-ignore
  const panel = (label: string, of: (point: Known) => number | null) => {
    const placeable = known.flatMap((point) => {
      const value = of(point);
      return value === null ? [] : [{ ...point, value }];
    });
    if (placeable.length === 0) return null;
    const x = linearAxis(label, placeable.map(({ value }) => value)); // prettier-ignore
    return frame({
      ...{ x, y, height: 260 },
      description: `Right answers in per cent over ${label}; the figures are in the table below`,
      marks: placeable.map((point) => renderPoint(point, x, y)),
    });
  };
  return figure({
    id: "pareto",
    caption: html`Accuracy against speed and energy of every variant of the compared runs; grey ones are no side. The
    line through a marker is its 95 % interval. A ring marks the front: no other is as good in everything and better in
    something`,
    plots: [
      legend(present),
      html`<div class="panels">
        ${panel("Tokens/s (more is better)", ({ decodeRate }) => decodeRate)}
        ${panel("Joules per token (less is better)", ({ joulesPerToken }) => joulesPerToken) ?? noPlot("No panel for energy: no power was measured.")}
      </div>`,
      absent.length === 0
        ? null
        : html`<p class="note">
            Not shown, as their answers or their speed are not known: ${absent.map(({ label }) => label).join(", ")}.
          </p> `,
    ],
    table: {
      caption: "Accuracy, speed and energy",
      columns: ["Variant", "Right, %", "Tokens/s", "J per token", "On the front"],
      rows: known.map(({ side, label, accuracy, interval, decodeRate, joulesPerToken, onFront }) => [
        side === null ? label : html`${sideKey(side)} ${label}`,
        `${formatPercent(accuracy)} ${formatInterval(interval, formatPercent)}`,
        formatNumber(decodeRate),
        formatNumber(joulesPerToken),
        onFront === null ? "not known" : onFront ? "yes" : "no",
      ]),
    },
  });
}

const shares = ({ accuracy, interval }: Known) => [accuracy, ...(interval ?? [])];

function renderPoint(point: Known & { readonly value: number }, x: Axis, y: Axis): Html {
  const { side, label, accuracy, interval, value, onFront } = point;
  const place = `${x.place(value)}%`;
  const [low, high] = (interval ?? [accuracy, accuracy]).map((share) => fromTop(y, share * 100));
  const text = `${label}: ${formatPercent(accuracy)} % right, ${formatNumber(value)}`;
  const ring = onFront === true ? html`<circle class="ring" r="11" />` : null;
  const name = side === null ? null : html`<text class="name" x="15" dy="0.35em">${letterOf(side)}</text>`;
  const mark = html`${ring}<path d="${markPath(side ?? 0, side === null ? 30 : 80)}"><title>${text}</title></path
    >${name}`;
  return html`<g class="${side === null ? "other" : sideClass(side)}"
    ><line
      class="whisker"
      x1="${place}"
      x2="${place}"
      y1="${low ?? null}%"
      y2="${high ?? null}%"
    />${placed(x, y, [value, accuracy * 100], mark)}</g
  >`;
}
