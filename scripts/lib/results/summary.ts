import { median } from "simple-statistics";
import { referenceName } from "../../../workloads/benchmark/order.ts";
import { predictionError } from "../../../workloads/ollama/predict.ts";
import { judgedRuns, type JudgedRun } from "./judged-runs.ts";
import type { PowerReading } from "./meter-csv.ts";
import type { Scenario } from "../../../workloads/benchmark/plan.ts";
import { energyOf } from "./node-load.ts";
import { latencyNames, type LatencyName, type Quantiles } from "./run-digest.ts";
import type { SealedRun } from "./sealed-run.ts";
import { scoreSuite, type SuiteScore } from "./suite-scores.ts";

/** Milliseconds between two readings of a meter above which the power in between is not known. */
const meterGap = 15_000;

/** What came of one variant under one scenario, over all blocks. What is not known is null. */
export interface RunSummary {
  readonly variant: string;
  readonly scenario: string;
  /** How its requests came, and whether the model was loaded anew for each. */
  readonly load: Pick<Scenario, "load" | "cold">;
  /** Runs that may be believed. */
  readonly runs: number;
  /** Medians over the blocks: tokens/s, ms. */
  readonly decodeRate: number | null;
  readonly timeToFirstToken: number | null;
  /** Of a run's requests: ms, end to end in s. */
  readonly quantiles: Readonly<Record<LatencyName, Quantiles | null>>;
  /** Tokens per second of all its requests together. */
  readonly throughput: number | null;
  readonly requests: number;
  readonly failed: number;
  /** Shares of the serving node, and degrees Celsius. */
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly temperature: number | null;
  readonly tokensPerJoule: number | null;
  /** Whose power that is: the board's own estimate of what it takes, or a meter's reading. */
  readonly energySource: "pmic-estimate" | "external-meter" | null;
  /** Tokens/s that the memory's bandwidth lets expect, from and to; null on other boards than a Pi 5. */
  readonly predicted: readonly [number, number] | null;
  /** Measured over the middle of what was predicted, less one. */
  readonly predictionError: number | null;
  readonly score: SuiteScore | null;
  /** Runs that must not be believed, each with its reasons. */
  readonly invalid: readonly { readonly block: number; readonly reasons: readonly string[] }[];
}

/**
 * Summaries of all runs that ended, by variant and scenario. Figures are those of the runs that may be believed.
 * @param meter readings of a power meter at the serving node, which count before the board's own estimate
 */
export function summarize(sealed: SealedRun, meter?: readonly PowerReading[]): RunSummary[] {
  const { plan } = sealed.manifest;
  const groups = Map.groupBy(judgedRuns(sealed), ({ run }) => `${run.variant}/${run.scenario}`);
  return [...groups.values()]
    .map((group) => {
      const [{ run: first, scenario, prediction }] = group as [JudgedRun];
      const sound = group.filter(({ findings }) => findings.length === 0);
      const rate = middle(sound, ({ run }) => run.figures["decode-rate"]);
      const counted = sound.map(({ run }) => run.outcomes);
      const efficiency = tokensPerJoule(sound, ({ run, load }) =>
        meter === undefined ? (load?.joules ?? null) : energyOf(meter, run, meterGap),
      );
      const source = meter === undefined ? ("pmic-estimate" as const) : ("external-meter" as const);
      const items = scenario.suite === null ? undefined : plan.suites[scenario.suite];
      return {
        variant: first.variant,
        scenario: first.scenario,
        load: { load: scenario.load, cold: scenario.cold },
        runs: sound.length,
        decodeRate: rate,
        timeToFirstToken: middle(sound, ({ run }) => run.figures["time-to-first-token"]),
        quantiles: quantilesOver(sound),
        throughput: middle(sound, ({ run }) => run.throughput),
        requests: sum(counted.map(({ requests }) => requests)),
        failed: sum(counted.flatMap(({ failures }) => Object.values(failures))),
        cpu: middle(sound, ({ load }) => load?.cpu ?? null),
        memory: middle(sound, ({ load }) => load?.memory ?? null),
        temperature: middle(sound, ({ load }) => load?.temperature ?? null),
        tokensPerJoule: efficiency,
        energySource: efficiency === null ? null : source,
        predicted: prediction === null ? null : ([prediction.low, prediction.high] as const),
        predictionError: prediction === null || rate === null ? null : predictionError(prediction, rate),
        score:
          items === undefined
            ? null
            : scoreSuite(
                items,
                sound.flatMap(({ run }) => run.answers),
              ),
        invalid: group.flatMap(({ block, findings }) =>
          findings.length === 0 ? [] : [{ block, reasons: findings.map(({ text }) => text) }],
        ),
      };
    })
    .sort((a, b) => order(a) - order(b) || (`${a.variant}/${a.scenario}` < `${b.variant}/${b.scenario}` ? -1 : 1));
}

/** The reference run comes last. */
const order = ({ variant }: { variant: string }) => (variant === referenceName ? 1 : 0);

/** The median over the runs that have a figure. */
function middle(runs: readonly JudgedRun[], of: (run: JudgedRun) => number | null): number | null {
  const known = runs.flatMap((run) => of(run) ?? []);
  return known.length === 0 ? null : median(known);
}

/** Tokens written in the runs whose energy is known, for each joule that the board took meanwhile. */
function tokensPerJoule(runs: readonly JudgedRun[], energy: (run: JudgedRun) => number | null): number | null {
  let [tokens, joules] = [0, 0];
  for (const judged of runs) {
    const taken = energy(judged);
    if (taken === null) continue;
    const { run } = judged;
    joules += taken;
    tokens += run.tokensOut;
  }
  return joules === 0 ? null : tokens / joules;
}

/** Each quantile's median over the blocks. */
function quantilesOver(runs: readonly JudgedRun[]): RunSummary["quantiles"] {
  const of = (name: LatencyName): Quantiles | null => {
    const known = runs.flatMap(({ run }) => run.quantiles[name] ?? []);
    if (known.length === 0) return null;
    const over = (quantile: keyof Quantiles) => median(known.map((quantiles) => quantiles[quantile]));
    return { p50: over("p50"), p95: over("p95"), p99: over("p99") };
  };
  return Object.fromEntries(latencyNames.map((name) => [name, of(name)])) as Record<LatencyName, Quantiles | null>;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}
