import type { Load } from "../../../workloads/benchmark/plan.ts";
import type { Comparison, SideSummary } from "./comparison.ts";
import { renderLatencyLoad } from "./plots/latency-load.ts";
import { renderPareto, type WorthPoint } from "./plots/pareto.ts";
import { renderPrediction } from "./plots/prediction.ts";
import type { NodeTime } from "./node-times.ts";
import { renderTimeLines } from "./plots/time-lines.ts";
import type { Section } from "./report-section.ts";

/** The plots that set all sides beside each other. */
export function plotSections(comparison: Comparison, nodes: readonly NodeTime[]): Section[] {
  const { summaries } = comparison;
  const sides = comparison.sides.map(({ label }, index) => ({ index, label }));
  const each = <T>(of: (summary: SideSummary) => T) =>
    summaries.flatMap((ofSide, side) =>
      ofSide.map((summary) => ({ side, scenario: summary.scenario, ...of(summary) })),
    );
  const loads = each(({ settings, throughput, quantiles }) => ({
    ...{ work: workOf(settings), load: describeLoad(settings.load), offered: offered(settings.load), throughput },
    ...{ timeToFirstToken: quantiles["time-to-first-token"], endToEnd: quantiles["end-to-end"] },
  }));
  const predictions = each(({ predicted, decodeRate }) => ({ predicted, measured: decodeRate }));
  return [
    { id: "load", title: "Latency over load", content: renderLatencyLoad(sides, loads) },
    { id: "worth", title: "Accuracy, speed and energy", content: renderPareto(sides, worthPoints(comparison)) },
    { id: "predictions", title: "Predicted and measured", content: renderPrediction(sides, predictions) },
    { id: "time-lines", title: "Time lines", content: renderTimeLines(sides, nodes) },
  ];
}

function worthPoints({ sides, summaries, pareto }: Comparison): WorthPoint[] {
  return pareto.points.map((point) => {
    const side = sides.findIndex(
      ({ stack, measurement, variant }) =>
        stack === point.stack && measurement === point.measurement && variant === point.variant,
    );
    // Only the interval of a single suite is one of all the answers.
    const [score, ...more] = (summaries[side] ?? []).flatMap((summary) => summary.score ?? []);
    return { ...point, side: side < 0 ? null : side, interval: more.length > 0 ? null : (score?.interval ?? null) };
  });
}

/** What is asked and how, but for the load: scenarios that have it in common differ in their load alone. */
function workOf({ prompts, suite, maxTokens, cold, load }: SideSummary["settings"]): string {
  return JSON.stringify([prompts, suite, maxTokens, cold, load.kind]);
}

function describeLoad(load: Load): string {
  switch (load.kind) {
    case "closed":
      return `${load.users} ${load.users === 1 ? "user" : "users"}`;
    case "burst":
      return `${load.size} at once every ${load.interval} s`;
    default:
      return `${load.kind}, ${load.rate}/s`;
  }
}

/** How much is asked: users at once, or requests per second. */
function offered(load: Load): number {
  if (load.kind === "closed") return load.users;
  return load.kind === "burst" ? load.size / load.interval : load.rate;
}
