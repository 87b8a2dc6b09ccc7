import { median, quantile } from "simple-statistics";
import { UserError } from "../../../stacks/user-error.ts";
import type { Plan, SuiteItem } from "../../../workloads/benchmark/plan.ts";
import { caveatsOf } from "./caveats.ts";
import type { Comparison, Difference, Effect, MetricSummary, Samples, ScenarioComparison, Side } from "./comparison.ts";
import { compareAccuracy } from "./accuracy-pairs.ts";
import { driftBetween, type Drift } from "./drift.ts";
import { evidenceOf, overlap, type PairInTime, type Span } from "./evidence.ts";
import { nodeFactsSchema } from "./experiment-outputs.ts";
import { judgedRuns } from "./judged-runs.ts";
import { checkLikeness, isOneRun } from "./likeness.ts";
import { blockStates } from "./manifest.ts";
import { addOutcomes, metricNames, metrics, type MetricName } from "./metrics.ts";
import type { Answer, RunDigest } from "./run-digest.ts";
import type { SealedRun } from "./sealed-run.ts";
import { fewestPairs, hodgesLehmann, signFlipTest } from "./statistics.ts";
import { sentenceOf } from "./verdict.ts";

/** Two-sided level of the one decision. */
const alpha = 0.05;

export interface Compared {
  readonly run: SealedRun;
  /** May be left out where the run has only one. */
  readonly variant?: string;
}

/** A side's runs by scenario and block. */
type Runs = (scenario: string, block: number) => RunDigest | undefined;

/**
 * Compares a variant of one sealed run with a variant of another (or of the same) run, paired by block.
 * @throws UserError when the two did not measure alike, or a variant has to be named
 */
export function compareRuns(
  compared: readonly [Compared, Compared],
  allow: readonly string[],
): { comparison: Comparison; samples: Samples } {
  const [runA, runB] = [compared[0].run, compared[1].run];
  const [variantA, variantB] = [variantOf(compared[0]), variantOf(compared[1])];
  const sides = [
    { run: runA, variant: variantA },
    { run: runB, variant: variantB },
  ] as const;
  const sameRun = isOneRun(...sides);
  if (sameRun && variantA === variantB)
    throw new UserError({
      what: `both sides are variant ${variantA} of run ${runA.measurement}`,
      next: `name two variants of it (stack:variant), or another run (--run B=<name>)`,
    });
  const { allowed, unknown } = checkLikeness(sides, allow);
  const labels = labelsOf(runA, variantA, runB, variantB);
  const [a, b] = [sideOf(labels[0], runA, variantA), sideOf(labels[1], runB, variantB)];

  const { plan } = runA.manifest;
  const scenarioNames = Object.keys(plan.scenarios)
    .filter((name) => name in runB.manifest.plan.scenarios)
    .sort();
  const blocks = Array.from({ length: Math.min(plan.blocks, runB.manifest.plan.blocks) }, (_, block) => block);
  const [runsA, runsB] = [runsOf(runA, variantA), runsOf(runB, variantB)];
  const times = pairsInTime(scenarioNames, blocks, runsA, runsB);
  const evidence = sameRun ? ("same-run" as const) : evidenceOf(times);
  // Blocks that were measured in turn share their session's drift; those of separate sessions share a reference run at best.
  const drift = evidence === "separate" ? driftBetween(runA, runB) : undefined;
  const scenarios = scenarioNames.map((name) => ({
    ...compareScenario(name, blocks, runsA, runsB, drift),
    accuracy: compareAccuracy(itemsOf(plan, name), answersOf(runsA, name, blocks), answersOf(runsB, name, blocks)),
  }));
  const primary = decide(plan.primary, scenarios, blocks.length, drift);
  const caveats = caveatsOf({
    sides: [a, b],
    invalid: [invalidRuns(runA, variantA), invalidRuns(runB, variantB)],
    scenarios,
    evidence,
    overlapping: !sameRun && a.site === b.site && overlap(times),
    allowed,
    unknown,
  });
  const referenced = drift !== undefined;
  const sentence = sentenceOf({ metric: plan.primary, ...primary, labels, evidence, referenced });
  return {
    comparison: {
      schema: 1,
      a,
      b,
      meantToDiffer: optionsThatDiffer(a, b, sameRun),
      allowed,
      evidence,
      referenced,
      primary: { metric: plan.primary, sentence, ...primary },
      scenarios,
      caveats,
    },
    samples: new Map(
      scenarioNames.map((scenario) => [
        scenario,
        blocks.map((block) => ({
          a: runsA(scenario, block)?.samples[plan.primary] ?? [],
          b: runsB(scenario, block)?.samples[plan.primary] ?? [],
        })),
      ]),
    ),
  };
}

function variantOf({ run, variant }: Compared): string {
  const { measurement } = run;
  const { stack, plan } = run.manifest;
  const names = Object.keys(plan.variants).sort();
  const [only, ...others] = names;
  if (variant === undefined && only !== undefined && others.length === 0) return only;
  if (variant !== undefined && names.includes(variant)) return variant;
  throw new UserError({
    what:
      variant === undefined
        ? `run ${measurement} has ${names.length} variants`
        : `run ${measurement} has no variant ${variant}`,
    where: `results/${stack}`,
    next: `name one of them: ${names.map((name) => `${stack}:${name}`).join(", ")}`,
  });
}

/** The shortest names that tell the two sides apart. */
function labelsOf(runA: SealedRun, variantA: string, runB: SealedRun, variantB: string): readonly [string, string] {
  const [a, b] = [runA.manifest, runB.manifest];
  if (a.stack !== b.stack && variantA === variantB) return [a.stack, b.stack];
  const named = (run: SealedRun, variant: string) =>
    Object.keys(run.manifest.plan.variants).length > 1 ? `${run.manifest.stack}:${variant}` : run.manifest.stack;
  const [labelA, labelB] = [named(runA, variantA), named(runB, variantB)];
  return labelA === labelB ? [`${labelA}@${runA.measurement}`, `${labelB}@${runB.measurement}`] : [labelA, labelB];
}

function sideOf(label: string, { measurement, manifest }: SealedRun, variant: string): Side {
  const { stack, runId, plan, planDigest, site, versions, source, measured, nodes } = manifest;
  const options = plan.variants[variant];
  const model = plan.models[options?.model ?? ""];
  if (options === undefined || model === undefined) throw new Error(`run ${runId} has no variant ${variant}`);
  const counts = Object.fromEntries(
    blockStates.map((state) => [state, manifest.blocks.filter((block) => block.state === state).length]),
  ) as Record<(typeof blockStates)[number], number>;
  const facts = (name: string) => ({ ...nodeFactsSchema.parse(nodes[name] ?? {}), name });
  return {
    label,
    stack,
    runId,
    measurement,
    variant,
    options,
    series: plan.series,
    site,
    model,
    images: plan.images,
    versions,
    nodes: { model: facts(options.node), runner: facts(plan.nodes.runner) },
    source,
    blocks: { planned: plan.blocks, ...counts },
    measured,
    planDigest,
  };
}

/** Between stacks the names of model and node measure nothing: what stands behind them has to be alike, or be allowed. */
function optionsThatDiffer(a: Side, b: Side, within: boolean): Difference[] {
  const all = Object.keys(a.options) as (keyof Side["options"])[];
  const names = all.filter((name) => within || (name !== "model" && name !== "node"));
  return names
    .map((field) => ({ field, a: a.options[field], b: b.options[field] }))
    .filter((difference) => difference.a !== difference.b);
}

function runsOf(run: SealedRun, variant: string): Runs {
  const byName = new Map<string, RunDigest>();
  for (const { block, run: one, findings } of judgedRuns(run))
    if (one.variant === variant && findings.length === 0) byName.set(`${block}/${one.scenario}`, one);
  return (scenario, block) => byName.get(`${block}/${scenario}`);
}

/** Runs of a variant that are left out, each in words. */
function invalidRuns(run: SealedRun, variant: string): string[] {
  return judgedRuns(run).flatMap(({ block, run: one, findings }) =>
    one.variant !== variant || findings.length === 0
      ? []
      : [`${one.scenario} of block ${block} (${findings.map(({ text }) => text).join("; ")})`],
  );
}

function answersOf(runs: Runs, scenario: string, blocks: readonly number[]): Answer[] {
  return blocks.flatMap((block) => runs(scenario, block)?.answers ?? []);
}

/** The items that a scenario asks; undefined where it asks prompts. */
function itemsOf({ scenarios, suites }: Plan, name: string): readonly SuiteItem[] | undefined {
  return suites[scenarios[name]?.suite ?? ""];
}

function compareScenario(
  scenario: string,
  blocks: readonly number[],
  a: Runs,
  b: Runs,
  drift: Drift | undefined,
): Omit<ScenarioComparison, "accuracy"> {
  const outcomes = (runs: Runs) => addOutcomes(blocks.flatMap((block) => runs(scenario, block)?.outcomes ?? []));
  return {
    scenario,
    metrics: metricNames.map((metric) => compareMetric(metric, scenario, blocks, a, b, drift)),
    outcomes: { a: outcomes(a), b: outcomes(b) },
  };
}

function compareMetric(
  metric: MetricName,
  scenario: string,
  blocks: readonly number[],
  a: Runs,
  b: Runs,
  drift: Drift | undefined,
): MetricSummary {
  const ofBlocks = (runs: Runs) => blocks.map((block) => runs(scenario, block)?.figures[metric] ?? null);
  const [figuresA, figuresB] = [ofBlocks(a), ofBlocks(b)];
  const ratios = blocks.flatMap(
    (block) => withoutDrift(logRatio(figuresA[block], figuresB[block]), drift, metric, block) ?? [],
  );
  return {
    metric,
    unit: metrics[metric].unit,
    a: summarize(figuresA),
    b: summarize(figuresB),
    effect: effectOf(ratios).effect,
  };
}

function summarize(blocks: (number | null)[]): MetricSummary["a"] {
  const known = blocks.filter((figure) => figure !== null);
  if (known.length === 0) return { median: null, quartiles: null, blocks };
  return { median: median(known), quartiles: [quantile(known, 0.25), quantile(known, 0.75)], blocks };
}

/** The logarithm makes "twice" and "half" equally far from "the same". */
function logRatio(a: number | null | undefined, b: number | null | undefined): number | null {
  return typeof a === "number" && typeof b === "number" && a > 0 && b > 0 ? Math.log(b / a) : null;
}

/** What is left of a pair's difference without that of its sessions; null where either is not known. */
function withoutDrift(
  ratio: number | null,
  drift: Drift | undefined,
  metric: MetricName,
  block: number,
): number | null {
  if (drift === undefined || ratio === null) return ratio;
  const between = drift(metric, block);
  return between === null ? null : ratio - between;
}

function effectOf(logRatios: readonly number[]): { effect: Effect; p: number; exact: boolean; widest: number | null } {
  const pairs = logRatios.length;
  if (pairs === 0) return { effect: { pairs, ratio: null, interval: null }, p: 1, exact: true, widest: null };
  const { p, interval, exact } = signFlipTest(logRatios, alpha);
  const centre = hodgesLehmann(logRatios);
  if (interval === null) return { effect: { pairs, ratio: Math.exp(centre), interval }, p, exact, widest: null };
  const [low, high] = interval;
  return {
    effect: { pairs, ratio: Math.exp(centre), interval: [Math.exp(low), Math.exp(high)] },
    p,
    exact,
    widest: Math.max(centre - low, high - centre),
  };
}

/**
 * The one decision. A pair is a block in which every scenario has a figure on both sides; its difference is the mean of
 * the scenarios' log ratios, so that each scenario counts alike.
 */
function decide(
  metric: MetricName,
  scenarios: readonly ScenarioComparison[],
  blocks: number,
  drift: Drift | undefined,
) {
  const summaries = scenarios.flatMap((scenario) => scenario.metrics.filter((summary) => summary.metric === metric));
  const ratios = Array.from({ length: blocks }, (_, block) => {
    const logs = summaries.map(({ a, b }) =>
      withoutDrift(logRatio(a.blocks[block], b.blocks[block]), drift, metric, block),
    );
    const known = logs.filter((log) => log !== null);
    return known.length > 0 && known.length === logs.length
      ? known.reduce((sum, log) => sum + log, 0) / logs.length
      : null;
  }).filter((ratio) => ratio !== null);
  const { effect, p, exact, widest } = effectOf(ratios);
  const enough = effect.pairs >= fewestPairs(alpha) && widest !== null;
  return {
    verdict: !enough ? ("too-few" as const) : p <= alpha ? ("difference" as const) : ("within-noise" as const),
    alpha,
    effect,
    p: enough ? p : null,
    exact,
    // Were the true difference this much larger or smaller than the estimate, the interval would leave it out.
    detectable: enough ? Math.expm1(widest) : null,
  };
}

function pairsInTime(scenarios: readonly string[], blocks: readonly number[], a: Runs, b: Runs): PairInTime[] {
  const span = (runs: Runs, block: number): Span | null => {
    const known = scenarios.flatMap((scenario) => runs(scenario, block) ?? []);
    if (known.length === 0) return null;
    return { from: Math.min(...known.map(({ from }) => from)), to: Math.max(...known.map(({ to }) => to)) };
  };
  return blocks.flatMap((block) => {
    const [spanA, spanB] = [span(a, block), span(b, block)];
    return spanA === null || spanB === null ? [] : [{ a: spanA, b: spanB }];
  });
}
