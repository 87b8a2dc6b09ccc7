import { scaleLinear, scaleUtc } from "d3-scale";
import { html, type Html } from "../html.ts";

/** One direction of a plot. */
export interface Axis {
  readonly label: string;
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
  /** Per cent of the plot's width from the left, or of its height from the bottom, in hundredths. */
  readonly place: (value: number) => number;
}

const hundredths = (value: number) => Number(value.toFixed(2));

/**
 * Round numbers around all values, with some room beside them.
 * @param options.zero whether 0 belongs to it: for lengths, not for positions
 */
export function linearAxis(
  label: string,
  values: readonly number[],
  options: { readonly zero?: boolean; readonly ticks?: number } = {},
): Axis {
  const { zero = false, ticks = 5 } = options;
  let [low, high] = zero ? [0, 0] : [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const room = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
  const scale = scaleLinear()
    .domain([zero && low === 0 ? 0 : low - room, high + room])
    .range([0, 100]);
  const text = scale.tickFormat(ticks);
  return {
    label,
    ticks: scale.ticks(ticks).map((at) => ({ at, text: text(at) })),
    place: (value) => hundredths(scale(value)),
  };
}

const day = 24 * 3_600_000;

/** Times in UTC. @param from and to are Unix ms */
export function timeAxis(from: number, to: number): Axis {
  const scale = scaleUtc()
    .domain([from, Math.max(to, from + 1)])
    .range([0, 100]);
  const text = scale.tickFormat(4, to - from < day ? "%H:%M" : "%e %b, %H:%M");
  return {
    label: "UTC",
    ticks: scale.ticks(4).map((date) => ({ at: date.getTime(), text: text(date) })),
    place: (value) => hundredths(scale(value)),
  };
}

/**
 * A plot whose area is the whole of its SVG; labels stand outside, in the room that report.css leaves them. Places are
 * per cent, so that it is as wide as the page and its text stays as large as the page's.
 * @param description what a reader who can't see it should know
 */
export function frame(plot: {
  readonly x: Axis;
  readonly y: Axis;
  /** Pixels. */
  readonly height: number;
  readonly description: string;
  readonly marks: readonly Html[];
}): Html {
  const { x, y, height, description, marks } = plot;
  return html`<svg class="plot" height="${height}" role="img" aria-label="${description}">
    ${y.ticks.map(({ at, text }) => html`<line class="grid" x1="0" x2="100%" y1="${fromTop(y, at)}%" y2="${fromTop(y, at)}%" /><text class="y" x="-8" y="${fromTop(y, at)}%" dy="0.35em">${text}</text>`)}
    ${x.ticks.map(({ at, text }) => html`<line class="grid" x1="${x.place(at)}%" x2="${x.place(at)}%" y1="0" y2="100%" /><text class="x" x="${x.place(at)}%" y="${height + 18}">${text}</text>`)}
    <text class="y-label" x="0" y="-10">${y.label}</text>
    <text class="x-label" x="100%" y="${height + 36}">${x.label}</text>
    ${marks}
  </svg> `;
}

/** Per cent from the top. */
export function fromTop(y: Axis, value: number): number {
  return hundredths(100 - y.place(value));
}

/** Paths have no per cent: they are drawn into a square of this side, which is then stretched, but not their strokes. */
const side = 1000;

/** A point in a {@link stretched} path. */
export function pathPoint(x: Axis, y: Axis, at: readonly [number, number]): [number, number] {
  return [x.place(at[0]) * (side / 100), fromTop(y, at[1]) * (side / 100)];
}

export function stretched(...paths: readonly (Html | null)[]): Html {
  return html`<svg viewBox="0 0 ${side} ${side}" preserveAspectRatio="none" width="100%" height="100%">${paths}</svg>`;
}

/** Something drawn around 0,0 in pixels, put at its place. */
export function placed(x: Axis, y: Axis, at: readonly [number, number], drawing: Html): Html {
  return html`<svg class="mark" x="${x.place(at[0])}%" y="${fromTop(y, at[1])}%">${drawing}</svg>`;
}
