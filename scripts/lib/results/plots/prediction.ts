import { formatInterval, formatNumber, formatPercent } from "../format.ts";
import { html, type Html } from "../html.ts";
import { figure, noPlot } from "./figure.ts";
import { frame, fromTop, linearAxis, placed, type Axis } from "./frame.ts";
import { legend, markPath, sideClass, sideKey, type PlotSide } from "./side-mark.ts";
import { letterOf } from "../side-letter.ts";

/** Tokens/s that the memory's bandwidth lets expect, and that were measured. */
export interface PredictedPoint {
  readonly side: number;
  readonly scenario: string;
  /** From and to. */
  readonly predicted: readonly [number, number] | null;
  readonly measured: number | null;
}

type Known = PredictedPoint & { readonly predicted: readonly [number, number]; readonly measured: number };

/** Measured over predicted: on the diagonal the two agree. */
export function renderPrediction(sides: readonly PlotSide[], points: readonly PredictedPoint[]): Html {
  const known = points.filter((point): point is Known => point.predicted !== null && point.measured !== null);
  if (known.length === 0)
    return noPlot("No prediction to hold against the measurement: there is one only for models on a Raspberry Pi 5.");
  const values = known.flatMap(({ predicted, measured }) => [...predicted, measured]);
  const x = linearAxis("Predicted, tokens/s", values);
  const y = linearAxis("Measured, tokens/s", values);
  return figure({
    id: "prediction",
    caption: html`Measured decode rate over what the memory's bandwidth lets expect; on the line they agree. A marker
    stands in the middle of what is expected, the line through it from its low to its high end`,
    plots: [
      legend(sides.filter(({ index }) => known.some(({ side }) => side === index))),
      html`<div class="square">
        ${frame({
          ...{ x, y, height: 280 },
          description: "Measured over predicted decode rate; the figures are in the table below",
          marks: [
            html`<line class="diagonal" x1="0" y1="100%" x2="100%" y2="0" />`,
            ...known.map((point) => renderPoint(point, x, y)),
          ],
        })}
      </div>`,
    ],
    table: {
      caption: "Predicted and measured decode rate",
      columns: ["Scenario", "Predicted, tokens/s", "Measured, tokens/s", "Measured over its middle"],
      rows: known.map(({ side, scenario, predicted, measured }) => [
        html`${sideKey(side)} ${scenario}`,
        formatInterval(predicted, formatNumber),
        formatNumber(measured),
        `${formatPercent(measured / middleOf(predicted))} %`,
      ]),
    },
  });
}

const middleOf = ([low, high]: readonly [number, number]) => (low + high) / 2;

function renderPoint({ side, scenario, predicted, measured }: Known, x: Axis, y: Axis): Html {
  const [left, right] = predicted.map(x.place);
  const height = fromTop(y, measured);
  const text = `${letterOf(side)}, ${scenario}: ${formatNumber(measured)} measured, ${formatInterval(predicted, formatNumber)} predicted`;
  const mark = html`<path d="${markPath(side, 80)}"><title>${text}</title></path>`;
  return html`<g class="${sideClass(side)}"
    ><line
      class="whisker"
      x1="${left ?? null}%"
      x2="${right ?? null}%"
      y1="${height}%"
      y2="${height}%"
    />${placed(x, y, [middleOf(predicted), measured], mark)}</g
  >`;
}
