import type { SuiteItem } from "../../../workloads/benchmark/plan.ts";
import { caveatsOfPair } from "./caveats.ts";
import { compareScenario, overallRatios, type PairedRuns } from "./compare-scenario.ts";
import type { PairComparison, Side } from "./comparison.ts";
import { driftBetween } from "./drift.ts";
import { evidenceOf, overlap, type PairInTime, type Span } from "./evidence.ts";
import { isOneRun, type Likeness } from "./likeness.ts";
import type { SideRuns } from "./side-runs.ts";
import { optionsThatDiffer, type Compared } from "./sides.ts";

export interface PairSide extends Compared {
  readonly side: Side;
  readonly runs: SideRuns;
}

/** A pair but for its decisions, which are made together with the other pairs'. */
export interface UndecidedPair {
  readonly pair: Omit<PairComparison, "decisions">;
  /** What they are made of: of each primary metric, the log ratios of the pairs of blocks. */
  readonly questions: readonly (readonly number[])[];
}

/** Sets a side against the baseline, paired by block. */
export function comparePair(a: PairSide, b: PairSide, { allowed, unknown }: Likeness): UndecidedPair {
  const [planA, planB] = [a.run.manifest.plan, b.run.manifest.plan];
  const within = isOneRun(a, b);
  const scenarios = Object.keys(planA.scenarios)
    .filter((name) => name in planB.scenarios)
    .sort();
  const blocks = Array.from({ length: Math.min(planA.blocks, planB.blocks) }, (_, block) => block);
  const times = pairsInTime(scenarios, blocks, a.runs, b.runs);
  const evidence = within ? ("same-run" as const) : evidenceOf(times);
  // Blocks that were measured in turn share their session's drift; those of separate sessions share a reference run at best.
  const drift = evidence === "separate" ? driftBetween(a.run, b.run) : undefined;
  const paired: PairedRuns = { a: a.runs, b: b.runs, blocks, drift };
  const items = (scenario: string): readonly SuiteItem[] | undefined =>
    planA.suites[planA.scenarios[scenario]?.suite ?? ""];
  const overlapping = !within && a.side.site === b.side.site && overlap(times);
  return {
    questions: planA.primary.map((metric) => overallRatios(metric, scenarios, paired)),
    pair: {
      meantToDiffer: optionsThatDiffer(a.side, b.side, within),
      ...{ allowed, evidence, referenced: drift !== undefined },
      scenarios: scenarios.map((scenario) => compareScenario(scenario, paired, items(scenario))),
      caveats: caveatsOfPair({ evidence, overlapping, allowed, unknown }),
    },
  };
}

function pairsInTime(scenarios: readonly string[], blocks: readonly number[], a: SideRuns, b: SideRuns): PairInTime[] {
  const span = ({ run }: SideRuns, block: number): Span | null => {
    const known = scenarios.flatMap((scenario) => run(scenario, block) ?? []);
    if (known.length === 0) return null;
    return { from: Math.min(...known.map(({ from }) => from)), to: Math.max(...known.map(({ to }) => to)) };
  };
  return blocks.flatMap((block) => {
    const [spanA, spanB] = [span(a, block), span(b, block)];
    return spanA === null || spanB === null ? [] : [{ a: spanA, b: spanB }];
  });
}
