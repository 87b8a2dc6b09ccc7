import { compareRuns } from "../lib/results/compare-runs.ts";
import type { Comparison } from "../lib/results/comparison.ts";
import { randomGenerator } from "../lib/results/statistics.ts";
import type { Bench } from "./figure.ts";
import { rounded } from "./paired.ts";
import { simulatedRun } from "./simulated-run.ts";

/** Simulated comparisons of a figure. */
const comparisons = 4000;
/** An experiment's default. */
const blocks = 10;

interface World {
  /** Coefficients of variation: of runs, and of the sessions that the runs of a block share. */
  readonly runSpread: number;
  readonly sessionSpread: number;
  /** True decode rates of the stacks, as factors. */
  readonly speeds: readonly number[];
  readonly primary: Parameters<typeof simulatedRun>[0]["primary"];
  /** Whether each stack has a session of its own for all its blocks; else the stacks take turns, and a block is a session of all. */
  readonly apart: boolean;
}

const interleaved: World = {
  ...{ runSpread: 0.01, sessionSpread: 0.01, speeds: [1, 1], apart: false },
  primary: ["decode-rate"],
};

/** How often what compares sealed runs decides wrongly, and rightly, on runs whose truth is known. */
export const benchStatistics: Bench = async ({ report, signal }) => {
  const isFalse = ({ pairs }: Comparison) => pairs.some(({ decisions }) => decisions.some((one) => one.beyondNoise));
  const shares: [string, World, (comparison: Comparison) => boolean, Record<string, unknown>][] = [
    ["aa-false-alarm-rate", interleaved, isFalse, { limit: 0.06, of: "interleaved A/A comparisons beyond noise" }],
    [
      "slowdown-5pct-power",
      { ...interleaved, runSpread: 0.02, speeds: [1, 0.95] },
      ({ pairs }) => pairs.every(({ decisions }) => decisions.every(({ verdict }) => verdict === "difference")),
      { limit: 0.9, of: "comparisons that find a true slowdown of 5 %", limitIs: "at least" },
    ],
    [
      "aa-equivalent-rate",
      interleaved,
      ({ pairs }) => pairs.every(({ decisions }) => decisions.every(({ verdict }) => verdict === "equivalent")),
      { of: "interleaved A/A comparisons that are equivalent within 5 %" },
    ],
    [
      "holm-family-wise-rate",
      { ...interleaved, speeds: [1, 1, 1, 1], primary: ["decode-rate", "end-to-end"] },
      isFalse,
      { of: "A/A comparisons of three sides with A on two metrics in which any is beyond noise", limit: 0.06 },
    ],
    [
      "separate-sessions-false-alarm-rate",
      { ...interleaved, apart: true },
      isFalse,
      { of: "A/A comparisons of separate sessions beyond noise, which is why these are marked weaker" },
    ],
  ];
  for (const [name, world, counts, details] of shares) {
    // One seed for each figure: all of them can be had again, alone or together.
    const random = normalGenerator(1);
    let hits = 0;
    for (let round = 0; round < comparisons; round += 1) {
      signal.throwIfAborted();
      if (counts(simulate(world, random))) hits += 1;
      // Ctrl-C is heard between comparisons.
      if (round % 100 === 0) await new Promise(setImmediate);
    }
    const value = hits / comparisons;
    report({
      ...{ name, value: rounded(value), unit: "share", baseline: null, ratio: null },
      standardError: Math.round(Math.sqrt((value * (1 - value)) / comparisons) * 1e4) / 1e4,
      ...{ comparisons, blocks, ...world, seed: 1, ...details },
    });
  }
};

function simulate({ runSpread, sessionSpread, speeds, primary, apart }: World, normal: () => number): Comparison {
  const shared = Array.from({ length: blocks }, () => normal() * sessionSpread);
  const compared = speeds.map((speed, turn) => {
    const own = normal() * sessionSpread;
    return {
      variant: "base",
      run: simulatedRun({
        ...{ stack: `stack-${turn}`, turn, turns: speeds.length, blocks, primary },
        rate: (block) => {
          const session = apart ? own : (shared[block] ?? 0);
          return 50 * speed * Math.exp(session + normal() * runSpread);
        },
      }),
    };
  });
  return compareRuns(compared, { allow: [], margin: 0.05, paper: false }).comparison;
}

/** Standard normal numbers (G. E. P. Box and M. E. Muller, Annals of Mathematical Statistics 29, 1958). */
function normalGenerator(seed: number): () => number {
  const uniform = randomGenerator(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
