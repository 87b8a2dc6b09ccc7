import {
  symbol,
  symbolCircle,
  symbolCross,
  symbolDiamond,
  symbolSquare,
  symbolStar,
  symbolTriangle,
  symbolWye,
} from "d3-shape";
import { html, type Html } from "../html.ts";
import { letterOf } from "../side-letter.ts";

/** What a plot knows of a side: its place in the row (0 is A, the baseline) and its label. */
export interface PlotSide {
  readonly index: number;
  readonly label: string;
}

/** Colours in report.css. */
const colours = 5;
/** As many as colours and two more: a side beyond the last colour has a colour again, but with another shape. */
const shapes = [symbolCircle, symbolSquare, symbolTriangle, symbolDiamond, symbolCross, symbolStar, symbolWye] as const;

/** The class that gives a side its colour. */
export function sideClass(index: number): string {
  return `side-${index % colours}`;
}

/** A side's marker around 0,0. @param area in square pixels */
export function markPath(index: number, area = 64): string {
  return symbol(shapes[index % shapes.length], area)() ?? "";
}

/** A side's marker and letter, as they stand in a line of text. */
export function sideKey(index: number): Html {
  return html`<b class="key ${sideClass(index)}"
    ><svg viewBox="-7 -7 14 14" aria-hidden="true"><path d="${markPath(index)}" /></svg>${letterOf(index)}</b
  >`;
}

/** Which marker is whose. */
export function legend(sides: readonly PlotSide[]): Html {
  return html`<ul class="legend">
    ${sides.map(({ index, label }) => html`<li>${sideKey(index)} ${label}</li> `)}
  </ul> `;
}
