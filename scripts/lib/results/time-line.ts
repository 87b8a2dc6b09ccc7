import { max, mean, min } from "simple-statistics";
import type { ProbeSample } from "../../../workloads/probe/sample.ts";
import type { JudgedRun } from "./judged-runs.ts";
import type { SealedRun } from "./sealed-run.ts";

/** How a node fared at a time: Unix ms, degrees Celsius, Hz, the firmware's bits, the busy share. What nobody knows is null. */
export type TimePoint = Pick<ProbeSample, "at" | "temperature" | "frequency" | "throttled" | "cpu">;

/** When a run went on, from its first measured request to its end, in Unix ms, and what came of it. */
export interface TimeSpan {
  readonly block: number;
  readonly variant: string;
  readonly scenario: string;
  readonly from: number;
  readonly to: number;
  /** Tokens/s. */
  readonly rate: number | null;
  /** Of all samples that lie in it, however many were joined: the highest in degrees Celsius, and the bits that are its own. */
  readonly temperature: number | null;
  readonly throttled: number | null;
  /** False where something speaks against it. */
  readonly believed: boolean;
}

/** What went on at a serving node. */
export interface TimeLine {
  readonly node: string;
  /**
   * In the order of sampling, {@link mostPoints} at most, of the time that blocks took: what lies between their runs is in it, what
   * lies between blocks is not. Empty where nobody sampled.
   */
  readonly samples: readonly TimePoint[];
  /** Sorted by their beginning. */
  readonly runs: readonly TimeSpan[];
}

/** Points of a time line: more could not be told apart on a screen. */
export const mostPoints = 600;

/** A time line for each node that served one of the runs, sorted by the nodes' names. */
export function timeLinesOf(judged: readonly JudgedRun[], samples: SealedRun["samples"]): TimeLine[] {
  return [...Map.groupBy(judged, ({ variant }) => variant.node)]
    .map(([node, runs]) => ({
      node,
      samples: thinned(duringBlocks(samples.get(node) ?? [], runs)),
      runs: runs.map(spanOf).sort((a, b) => a.from - b.from),
    }))
    .sort((a, b) => (a.node < b.node ? -1 : 1));
}

function spanOf({ block, run, load, findings }: JudgedRun): TimeSpan {
  const { variant, scenario, from, to, figures } = run;
  return {
    ...{ block, variant, scenario, from, to },
    rate: figures["decode-rate"],
    temperature: load?.temperature ?? null,
    throttled: load?.throttled ?? null,
    believed: findings.length === 0,
  };
}

/** The samples of each block, from its first run's beginning (warm-up included) to its last one's end. */
function duringBlocks(samples: readonly ProbeSample[], runs: readonly JudgedRun[]): ProbeSample[] {
  const blocks = [...Map.groupBy(runs, ({ block }) => block).values()].map((ofBlock) => ({
    from: Math.min(...ofBlock.map(({ run }) => run.start.at)),
    to: Math.max(...ofBlock.map(({ run }) => run.to)),
  }));
  return samples.filter(({ at }) => blocks.some(({ from, to }) => at >= from && at <= to));
}

/** Joins neighbours where there are too many samples. */
function thinned(samples: readonly ProbeSample[]): TimePoint[] {
  const points = Math.min(samples.length, mostPoints);
  const edge = (point: number) => Math.floor((point * samples.length) / points);
  return Array.from({ length: points }, (_, point) => joined(samples.slice(edge(point), edge(point + 1))));
}

/** What must be seen of neighbours: the hottest one's time and temperature, the lowest frequency, every bit; of the load the mean. */
function joined(samples: readonly ProbeSample[]): TimePoint {
  const reduced = (of: (sample: ProbeSample) => number | null, to: (values: number[]) => number) => {
    const known = samples.flatMap((sample) => of(sample) ?? []);
    return known.length === 0 ? null : to(known);
  };
  const hottest = reduced((sample) => sample.temperature, max);
  return {
    at: samples.find(({ temperature }) => temperature === hottest)?.at ?? NaN,
    temperature: hottest,
    frequency: reduced((sample) => sample.frequency, min),
    throttled: reduced(
      (sample) => sample.throttled,
      (bits) => bits.reduce((all, one) => all | one, 0),
    ),
    cpu: reduced((sample) => sample.cpu, mean),
  };
}
