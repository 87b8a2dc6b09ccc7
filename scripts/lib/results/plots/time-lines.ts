import { line } from "d3-shape";
import { median } from "simple-statistics";
import { formatNumber, missing } from "../format.ts";
import { html, type Html } from "../html.ts";
import type { NodeRun, NodeTime } from "../node-times.ts";
import { figure, noPlot } from "./figure.ts";
import { frame, linearAxis, pathPoint, placed, stretched, timeAxis, type Axis } from "./frame.ts";
import { describeThrottling, throttledSpans, throttlingWords, type ThrottledSpan } from "./throttling.ts";
import { legend, markPath, sideClass, sideKey, type PlotSide } from "./side-mark.ts";
import { letterOf } from "../side-letter.ts";

/** A pause longer than this, in milliseconds, is not drawn: what follows is another session with a time line of its own. */
const longestPause = 3_600_000;
/** Between samples that lie this many times further apart than most nothing is known. */
const farApart = 5;

/** A time line for each node and session: decode rate, temperature and throttling, and when each side's blocks ran. */
export function renderTimeLines(sides: readonly PlotSide[], nodes: readonly NodeTime[]): Html {
  const sessions = nodes.flatMap(sessionsOf);
  if (sessions.length === 0)
    return noPlot("No time lines: no run came to its end, so there is nothing to set in time.");
  return html`${sessions.map((session, index) => renderSession(sides, session, index))}`;
}

function sessionsOf(node: NodeTime): NodeTime[] {
  const sessions: NodeRun[][] = [];
  let end = -Infinity;
  for (const run of node.runs.toSorted((a, b) => a.from - b.from)) {
    if (run.from - end > longestPause) sessions.push([]);
    sessions.at(-1)?.push(run);
    end = Math.max(end, run.to);
  }
  return sessions.map((runs) => {
    const [from, to] = spanOf(runs);
    return { ...node, runs, samples: node.samples.filter(({ at }) => at >= from && at <= to) };
  });
}

function spanOf(runs: readonly NodeRun[]): [number, number] {
  return [Math.min(...runs.map(({ from }) => from)), Math.max(...runs.map(({ to }) => to))];
}

function renderSession(sides: readonly PlotSide[], { site, node, samples, runs }: NodeTime, index: number): Html {
  const [from, to] = spanOf(runs);
  const x = timeAxis(from, to);
  const unlabelled = { ...x, label: "", ticks: x.ticks.map(({ at }) => ({ at, text: "" })) };
  const present = sides.filter((side) => runs.some((run) => run.side === side.index));
  const gap = longestGap(samples);
  const throttled = throttledSpans(samples, gap);
  return figure({
    id: `time-${index}`,
    caption: html`${node} of ${site}, ${new Date(from).toISOString().slice(0, 10)}: decode rate of each run, the board's
    temperature, and when each side's runs went on; a hollow one does not count`,
    plots: [
      legend(present),
      renderRates(unlabelled, runs, throttled),
      renderTemperature(unlabelled, samples, throttled, gap),
      renderLanes(x, present, runs),
      html`<p class="note">${describeThrottling(samples)}</p> `,
    ],
    table: {
      caption: `Runs on ${node} in time`,
      columns: ["Run", "From, UTC", "Tokens/s", "Hottest, °C", "Slowed down", "Counts"],
      rows: runs.map((run) => [
        html`${sideKey(run.side)} <a href="${run.raw}">block ${run.block}</a>, ${run.scenario}`,
        new Date(run.from).toISOString().slice(11, 19),
        formatNumber(run.rate),
        run.temperature === null ? missing : run.temperature.toFixed(0),
        run.throttled === null ? missing : throttlingWords(run.throttled) || "no",
        run.believed ? "yes" : "no",
      ]),
    },
  });
}

function classOf(side: number, believed: boolean): string {
  return `${sideClass(side)}${believed ? "" : " hollow"}`;
}

function renderRates(x: Axis, runs: readonly NodeRun[], throttled: readonly ThrottledSpan[]): Html | null {
  const known = runs.flatMap((run) => (run.rate === null ? [] : [{ ...run, rate: run.rate }]));
  if (known.length === 0) return null;
  const y = linearAxis("Tokens/s", known.map(({ rate }) => rate), { ticks: 4 }); // prettier-ignore
  return frame({
    ...{ x, y, height: 130 },
    description: "Decode rate of each run over time; the figures are in the table below",
    marks: [
      shade(x, throttled),
      ...known.map(({ side, block, scenario, from, to, rate, believed }) =>
        placed(
          x,
          y,
          [(from + to) / 2, rate],
          html`<path class="${classOf(side, believed)}" d="${markPath(side, 40)}"
            ><title>${letterOf(side)}, block ${block}, ${scenario}: ${formatNumber(rate)} tokens/s</title></path
          >`,
        ),
      ),
    ],
  });
}

/** Milliseconds. */
function longestGap(samples: NodeTime["samples"]): number {
  const steps = samples.slice(1).map(({ at }, index) => at - (samples[index]?.at ?? at));
  return steps.length === 0 ? 0 : farApart * median(steps);
}

function renderTemperature(
  x: Axis,
  samples: NodeTime["samples"],
  throttled: readonly ThrottledSpan[],
  gap: number,
): Html {
  const known = samples.flatMap(({ at, temperature }) => (temperature === null ? [] : [{ at, temperature }]));
  if (known.length < 2) return noPlot("No temperature: the board does not tell it, or no probe asked.");
  const y = linearAxis("°C", known.map(({ temperature }) => temperature), { ticks: 4 }); // prettier-ignore
  const points = known.flatMap(({ at, temperature }, index) => {
    const point = pathPoint(x, y, [at, temperature]);
    return at - (known[index - 1]?.at ?? at) > gap ? [null, point] : [point];
  });
  const path = line<[number, number] | null>(
    (point) => point?.[0] ?? 0,
    (point) => point?.[1] ?? 0,
  ).defined((point) => point !== null)(points);
  return frame({
    ...{ x, y, height: 130 },
    description: "Temperature of the board over time; each run's highest is in the table below",
    marks: [shade(x, throttled), stretched(html`<path class="curve temperature" d="${path}" />`)],
  });
}

function shade(x: Axis, spans: readonly ThrottledSpan[]): Html {
  return html`${spans.map(({ from, to }) => {
    const [left, right] = [x.place(from), x.place(to)];
    return html`<rect
      class="throttled"
      x="${left}%"
      y="0"
      width="${Math.max(0.3, right - left).toFixed(2)}%"
      height="100%"
    />`;
  })}`;
}

/** Pixels. */
const lane = 22;

function renderLanes(x: Axis, sides: readonly PlotSide[], runs: readonly NodeRun[]): Html {
  const row = (index: number) => sides.findIndex((side) => side.index === index);
  const y = {
    label: "Runs",
    ticks: sides.map(({ index }) => ({ at: index, text: letterOf(index) })),
    place: (index: number) => 100 - ((row(index) + 0.5) / sides.length) * 100,
  };
  return frame({
    ...{ x, y, height: lane * sides.length },
    description: "When each side's runs ran; the times are in the table below",
    marks: runs.map(({ side, block, scenario, from, to, believed }) => {
      const [left, right] = [x.place(from), x.place(to)];
      return html`<rect
        class="${classOf(side, believed)}"
        x="${left}%"
        y="${row(side) * lane + 5}"
        width="${Math.max(0.2, Number((right - left - 0.1).toFixed(2)))}%"
        height="${lane - 10}"
        ><title>${letterOf(side)}, block ${block}, ${scenario}</title></rect
      >`;
    }),
  });
}
