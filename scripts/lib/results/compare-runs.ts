import { caveatsOfSides } from "./caveats.ts";
import { comparePair, type PairSide } from "./compare-pair.ts";
import type { Comparison, PairComparison, Samples, SideSummary } from "./comparison.ts";
import { decide } from "./decide.ts";
import { alpha } from "./effect.ts";
import { judgedRuns } from "./judged-runs.ts";
import { checkLikeness } from "./likeness.ts";
import { nodeTimes } from "./node-times.ts";
import { paperOf } from "./paper.ts";
import { paretoOf } from "./pareto.ts";
import type { PlotData } from "./report-data.ts";
import type { SealedRun } from "./sealed-run.ts";
import { sideRuns } from "./side-runs.ts";
import { checkDistinct, labelsOf, sideOf, type Compared } from "./sides.ts";
import { summarize, type RunSummary } from "./summary.ts";
import { sentenceOf } from "./verdict.ts";

export interface CompareOptions {
  /** Fields that may differ. */
  readonly allow: readonly string[];
  /** Of equivalence, as a fraction. */
  readonly margin: number;
  /** Whether published figures are set beside the results. */
  readonly paper: boolean;
}

/**
 * Compares variants of sealed runs: the first is the baseline, and each of the others is set against it, paired by block.
 * @throws UserError where they did not measure alike, or two of them are the same
 */
export function compareRuns(
  compared: readonly Compared[],
  { allow, margin, paper }: CompareOptions,
): { comparison: Comparison; plots: PlotData } {
  checkDistinct(compared);
  const runs = [...new Set(compared.map(({ run }) => run))];
  const judged = new Map(runs.map((run) => [run, judgedRuns(run)]));
  const summarized = new Map(runs.map((run) => [run, summarize(run)]));
  const labels = labelsOf(compared);
  const sides = compared.map((one, place) => ({
    ...one,
    side: sideOf(labels[place] ?? "", one),
    runs: sideRuns(judged.get(one.run) ?? [], one.variant),
  }));
  const [baseline, ...others] = sides;
  if (baseline === undefined) throw new Error("there is nothing to compare");
  const measured = sides.map(({ run, variant, runs: { leftOut } }) => ({ run, variant, leftOut }));
  const likeness = checkLikeness(measured, allow);
  const undecided = others.map((other, place) =>
    comparePair(baseline, other, likeness[place] ?? { allowed: [], unknown: [] }),
  );
  const { primary } = baseline.run.manifest.plan;
  const decided = decide(
    undecided.flatMap(({ questions }) => questions),
    margin,
  );
  const pairs = undecided.map(({ pair }, place): PairComparison => {
    const label = others[place]?.side.label ?? "";
    const own = decided.slice(place * primary.length, (place + 1) * primary.length);
    const decisions = primary.flatMap((metric, index) => {
      const decision = own[index];
      if (decision === undefined) return [];
      return [{ metric, ...decision, sentence: sentenceOf({ metric, ...decision, ...pair, label, margin }) }];
    });
    return { ...pair, decisions };
  });
  const summaries = sides.map(({ run, variant }) => summariesOf(run, summarized.get(run) ?? [], variant));
  const own = sides.map(({ side }) => side);
  return {
    comparison: {
      schema: 2,
      sides: own,
      pairs,
      alpha,
      margin,
      summaries,
      pareto: paretoOf(runs.map((run) => ({ run, summaries: summarized.get(run) ?? [] }))),
      paper: paper ? paperOf(own, summaries) : null,
      caveats: caveatsOfSides(own, measured.map(({ leftOut }) => leftOut), pairs), // prettier-ignore
    },
    plots: { samples: sides.map(samplesOf), nodes: nodeTimes(sides, judged) },
  };
}

function summariesOf({ manifest: { plan } }: SealedRun, all: readonly RunSummary[], variant: string): SideSummary[] {
  return all.flatMap((one) => {
    const settings = plan.scenarios[one.scenario];
    if (one.variant !== variant || settings === undefined) return [];
    const { scenario, runs, requests, failed, decodeRate, timeToFirstToken, quantiles, throughput } = one;
    const { cpu, memory, temperature, tokensPerJoule, energySource, predicted, score } = one;
    return [
      {
        ...{ scenario, settings, runs, requests, failed, decodeRate, timeToFirstToken, quantiles, throughput },
        ...{ cpu, memory, temperature, energySource },
        joulesPerToken: tokensPerJoule === null ? null : 1 / tokensPerJoule,
        predicted: predicted === null ? null : ([...predicted] as [number, number]),
        score:
          score === null
            ? null
            : {
                correct: score.correct,
                asked: score.asked,
                interval: score.interval === null ? null : ([...score.interval] as [number, number]),
              },
      },
    ];
  });
}

function samplesOf({ run, runs }: PairSide): Samples {
  const { scenarios, blocks } = run.manifest.plan;
  const none = { "decode-rate": [], "ollama-eval-rate": [], "time-to-first-token": [], "end-to-end": [] };
  return new Map(
    Object.keys(scenarios)
      .sort()
      .map((scenario) => [
        scenario,
        Array.from({ length: blocks }, (_, block) => runs.run(scenario, block)?.samples ?? none),
      ]),
  );
}
