import { median } from "simple-statistics";
import { signFlipTest } from "../lib/results/statistics.ts";

/** Figures of two things that were measured in turns. */
export interface Paired {
  readonly value: number;
  readonly baseline: number;
  readonly ratio: number;
  /** 95 % interval of the ratio, by sign-flip permutation of its logarithms; null below six pairs. */
  readonly interval: readonly [number, number] | null;
  readonly pairs: number;
}

/** Compares repetitions pair by pair, so that what slows both down cancels out. */
export function comparePairs(pairs: readonly { readonly value: number; readonly baseline: number }[]): Paired {
  const ratios = pairs.map(({ value, baseline }) => value / baseline);
  const { interval } = signFlipTest(ratios.map(Math.log), 0.05);
  return {
    value: rounded(median(pairs.map(({ value }) => value))),
    baseline: rounded(median(pairs.map(({ baseline }) => baseline))),
    ratio: rounded(median(ratios)),
    interval: interval === null ? null : [rounded(Math.exp(interval[0])), rounded(Math.exp(interval[1]))],
    pairs: pairs.length,
  };
}

/** To a thousandth: more is noise here. */
export function rounded(figure: number): number {
  return Math.round(figure * 1000) / 1000;
}

/** Seconds that something took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
