import { line } from "d3-shape";
import { formatNumber } from "../format.ts";
import { html, type Html } from "../html.ts";
import { figure, noPlot } from "./figure.ts";
import { frame, linearAxis, pathPoint, placed, stretched, type Axis } from "./frame.ts";
import { legend, markPath, sideClass, sideKey, type PlotSide } from "./side-mark.ts";
import { letterOf } from "../side-letter.ts";

/** What one side did under one load. Latencies count from when a request was due. */
export interface LoadPoint {
  readonly side: number;
  readonly scenario: string;
  /** What was asked, and how: only points that differ in nothing but the load lie on one line. */
  readonly work: string;
  /** "4 users", "0.5/s" */
  readonly load: string;
  /** Puts the loads of one work in order. */
  readonly offered: number;
  /** Tokens/s of all successful requests over the run's wall time. */
  readonly throughput: number | null;
  /** Milliseconds. */
  readonly timeToFirstToken: Quantiles | null;
  /** Seconds. */
  readonly endToEnd: Quantiles | null;
}

interface Quantiles {
  readonly p50: number;
  readonly p95: number;
}

const panels = [
  { latency: "timeToFirstToken", label: "Time to first token, ms" },
  { latency: "endToEnd", label: "End to end, s" },
] as const;
const quantiles = ["p50", "p95"] as const;

type Known = LoadPoint & { readonly throughput: number };

/** How long requests took over how much was delivered: a line for each side over its loads, median and 95th percentile. */
export function renderLatencyLoad(sides: readonly PlotSide[], points: readonly LoadPoint[]): Html {
  const known = points.filter((point): point is Known => point.throughput !== null);
  const lines = [...Map.groupBy(known, ({ side, work }) => `${side} ${work}`).values()]
    .filter((line) => line.length > 1)
    .map((line) => line.toSorted((a, b) => a.offered - b.offered));
  if (lines.length === 0)
    return noPlot(
      "No latency over load: that takes two or more scenarios that ask the same in the same way and differ in their load alone.",
    );
  return figure({
    id: "latency",
    caption: html`Latency over throughput: each marker is a scenario, in the order of its load; the full line is the
    median, the dashed one the 95th percentile`,
    plots: [
      legend(sides.filter(({ index }) => lines.some(([first]) => first?.side === index))),
      html`<div class="panels">${panels.map((panel) => renderPanel(panel, lines))}</div>`,
    ],
    table: {
      caption: "Latency over load",
      columns: ["Scenario", "Load", "Tokens/s", "First token p50, p95, ms", "End to end p50, p95, s"],
      rows: lines
        .flat()
        .map((point) => [
          html`${sideKey(point.side)} ${point.scenario}`,
          point.load,
          formatNumber(point.throughput),
          pairOf(point.timeToFirstToken),
          pairOf(point.endToEnd),
        ]),
    },
  });
}

const pairOf = (quantiles: Quantiles | null) =>
  `${formatNumber(quantiles?.p50 ?? null)}, ${formatNumber(quantiles?.p95 ?? null)}`;

function renderPanel({ latency, label }: (typeof panels)[number], lines: readonly (readonly Known[])[]): Html | null {
  const curves = lines.flatMap((points) =>
    quantiles.map((quantile) => ({
      quantile,
      points: points.flatMap((point) => {
        const value = point[latency]?.[quantile];
        return value === undefined ? [] : [{ ...point, value }];
      }),
    })),
  );
  const all = curves.flatMap(({ points }) => points);
  if (all.length === 0) return null;
  const x = linearAxis("Throughput, tokens/s", all.map(({ throughput }) => throughput)); // prettier-ignore
  const y = linearAxis(label, all.map(({ value }) => value), { zero: true }); // prettier-ignore
  return frame({
    x,
    y,
    height: 240,
    description: `${label} over throughput; the figures are in the table below`,
    marks: [
      stretched(...curves.map((curve) => renderCurve(curve, x, y))),
      ...all.map((point) =>
        placed(
          x,
          y,
          [point.throughput, point.value],
          html`<path class="${sideClass(point.side)}" d="${markPath(point.side)}"
            ><title>
              ${letterOf(point.side)}, ${point.scenario} (${point.load}): ${formatNumber(point.value)}
            </title></path
          >`,
        ),
      ),
    ],
  });
}

function renderCurve(
  { quantile, points }: { quantile: string; points: readonly (Known & { value: number })[] },
  x: Axis,
  y: Axis,
): Html | null {
  const [first] = points;
  if (first === undefined) return null;
  const path = line()(points.map(({ throughput, value }) => pathPoint(x, y, [throughput, value])));
  return html`<path class="curve ${quantile} ${sideClass(first.side)}" d="${path}" />`;
}
