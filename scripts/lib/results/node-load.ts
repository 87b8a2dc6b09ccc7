import { max, mean, min } from "simple-statistics";
import type { ProbeSample } from "../../../workloads/probe/sample.ts";
import type { PowerReading } from "./meter-csv.ts";

/** How the serving node fared during a run. What its board does not offer, or nobody sampled, is null. */
export interface NodeLoad {
  /** Samples that lie in the run. */
  readonly samples: number;
  /** Share of all cores that was busy, the mean. */
  readonly cpu: number | null;
  /** Share of the memory in use, the highest. */
  readonly memory: number | null;
  /** Hz, the lowest. */
  readonly frequency: number | null;
  /** Degrees Celsius, the highest. */
  readonly temperature: number | null;
  /** All throttle bits that were seen "now", and those that had not been seen before the run among the others. */
  readonly throttled: number | null;
  /** An estimate, by the board's power controller. */
  readonly joules: number | null;
}

/** Milliseconds between two samples above which the power in between is not known. */
const longestGap = 3_000;
/** get_throttled: what is so now; the same bits 16 places up say what has been so since the boot. */
const nowBits = 0xf;

/** @param samples of the serving node, in their order; @param run its beginning and end in Unix ms, by the same clock */
export function loadDuring(
  samples: readonly ProbeSample[],
  run: { readonly from: number; readonly to: number },
): NodeLoad {
  const during = samples.filter(({ at }) => at >= run.from && at <= run.to);
  const before = samples.findLast(({ at }) => at < run.from);
  const reduced = (of: (sample: ProbeSample) => number | null, to: (values: number[]) => number) => {
    const known = during.flatMap((sample) => of(sample) ?? []);
    return known.length === 0 ? null : to(known);
  };
  return {
    samples: during.length,
    cpu: reduced(({ cpu }) => cpu, mean),
    memory: reduced(({ memory: { total, available } }) => 1 - available / total, max),
    frequency: reduced(({ frequency }) => frequency, min),
    temperature: reduced(({ temperature }) => temperature, max),
    throttled: throttledDuring(during, before?.throttled ?? null),
    joules: joulesDuring(during, run),
  };
}

function throttledDuring(during: readonly ProbeSample[], before: number | null): number | null {
  const bits = during.flatMap(({ throttled }) => throttled ?? []);
  if (bits.length === 0) return null;
  const seen = bits.reduce((all, one) => all | one, 0);
  const stuck = (before ?? bits[0] ?? 0) & ~nowBits;
  return (seen & nowBits) | (seen & ~nowBits & ~stuck);
}

function joulesDuring(during: readonly ProbeSample[], run: { from: number; to: number }): number | null {
  const readings = during.flatMap(({ at, watts }) => (watts === null ? [] : [{ at, watts }]));
  return energyOf(readings, run, longestGap);
}

/**
 * Joules of a run by the trapezoid rule, before the first reading and after the last one as it was there.
 * @param gap milliseconds between two readings above which the power in between is not known
 * @returns null where the run was not read without a gap from end to end
 */
export function energyOf(
  readings: readonly PowerReading[],
  { from, to }: { readonly from: number; readonly to: number },
  gap: number,
): number | null {
  const points = readings.filter(({ at }) => at >= from && at <= to);
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || first === last) return null;
  const times = [from, ...points.map(({ at }) => at), to];
  if (times.some((at, index) => index > 0 && at - (times[index - 1] ?? at) > gap)) return null;
  const energy = points.reduce((sum, { at, watts }, index) => {
    const other = points[index - 1];
    return other === undefined ? 0 : sum + (((watts + other.watts) / 2) * (at - other.at)) / 1000;
  }, 0);
  return energy + (first.watts * (first.at - from) + last.watts * (to - last.at)) / 1000;
}
