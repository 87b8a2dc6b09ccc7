import { median, quantile } from "simple-statistics";
import type { SuiteItem } from "../../../workloads/benchmark/plan.ts";
import { compareAccuracy } from "./accuracy-pairs.ts";
import type { Detail, MetricSummary, ScenarioComparison } from "./comparison.ts";
import type { Drift, FigureOf } from "./drift.ts";
import { effectOf, logRatio } from "./effect.ts";
import { addOutcomes, metricNames, metrics, type MetricName } from "./metrics.ts";
import { latencyLabels, latencyNames, latencyUnits } from "./run-digest.ts";
import type { SideRuns } from "./side-runs.ts";

/** Two sides' runs that are paired by block. */
export interface PairedRuns {
  readonly a: SideRuns;
  readonly b: SideRuns;
  readonly blocks: readonly number[];
  /** Of separate sessions, where both had the same reference run. */
  readonly drift: Drift | undefined;
}

/** @param items of the suite that the scenario asks; undefined where it asks prompts */
export function compareScenario(
  scenario: string,
  runs: PairedRuns,
  items: readonly SuiteItem[] | undefined,
): ScenarioComparison {
  const all = (side: "a" | "b") => runs.blocks.flatMap((block) => runs[side].run(scenario, block) ?? []);
  const [ofA, ofB] = [all("a"), all("b")];
  return {
    scenario,
    metrics: metricNames.map((metric) => ({
      ...{ metric, unit: metrics[metric].unit },
      ...compareFigure(figureOf(metric), scenario, runs),
    })),
    details: details.map(({ of, ...detail }) => ({ ...detail, ...compareFigure(of, scenario, runs) })),
    outcomes: {
      a: addOutcomes(ofA.map(({ outcomes }) => outcomes)),
      b: addOutcomes(ofB.map(({ outcomes }) => outcomes)),
    },
    accuracy: compareAccuracy(
      items,
      ofA.flatMap(({ answers }) => answers),
      ofB.flatMap(({ answers }) => answers),
    ),
  };
}

/**
 * Of each block in which every scenario has the figure on both sides, the mean of the scenarios' log ratios: each scenario
 * counts alike.
 */
export function overallRatios(metric: MetricName, scenarios: readonly string[], runs: PairedRuns): number[] {
  return runs.blocks.flatMap((block) => {
    const known = scenarios.flatMap((scenario) => blockRatio(figureOf(metric), scenario, block, runs) ?? []);
    return known.length > 0 && known.length === scenarios.length
      ? [known.reduce((sum, ratio) => sum + ratio, 0) / known.length]
      : [];
  });
}

const figureOf =
  (metric: MetricName): FigureOf =>
  ({ figures }) =>
    figures[metric];

const details: readonly (Pick<Detail, "name" | "label" | "quantile" | "unit"> & { readonly of: FigureOf })[] = [
  ...latencyNames.flatMap((latency) =>
    (["p50", "p95", "p99"] as const).map((quantile) => ({
      name: `${latency}-${quantile}`,
      label: latencyLabels[latency],
      quantile,
      unit: latencyUnits[latency],
      of: ({ quantiles }: Parameters<FigureOf>[0]) => quantiles[latency]?.[quantile] ?? null,
    })),
  ),
  { name: "throughput", label: "throughput", quantile: null, unit: "tokens/s", of: ({ throughput }) => throughput },
];

function compareFigure(of: FigureOf, scenario: string, runs: PairedRuns): Pick<MetricSummary, "a" | "b" | "effect"> {
  const figures = (side: SideRuns) =>
    runs.blocks.map((block) => {
      const run = side.run(scenario, block);
      return run === undefined ? null : of(run);
    });
  return {
    a: summarize(figures(runs.a)),
    b: summarize(figures(runs.b)),
    effect: effectOf(runs.blocks.flatMap((block) => blockRatio(of, scenario, block, runs) ?? [])),
  };
}

/** The log ratio of a block's pair, without the difference of their sessions; null where either is not known. */
function blockRatio(of: FigureOf, scenario: string, block: number, { a, b, drift }: PairedRuns): number | null {
  const [runA, runB] = [a.run(scenario, block), b.run(scenario, block)];
  if (runA === undefined || runB === undefined) return null;
  const ratio = logRatio(of(runA), of(runB));
  if (drift === undefined || ratio === null) return ratio;
  const between = drift(of, block);
  return between === null ? null : ratio - between;
}

function summarize(blocks: (number | null)[]): MetricSummary["a"] {
  const known = blocks.filter((figure) => figure !== null);
  if (known.length === 0) return { median: null, quartiles: null, blocks };
  return { median: median(known), quartiles: [quantile(known, 0.25), quantile(known, 0.75)], blocks };
}
