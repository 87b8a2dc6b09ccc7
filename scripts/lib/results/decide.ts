import type { Decision } from "./comparison.ts";
import { alpha, effectOf } from "./effect.ts";
import { fewestPairs, hodgesLehmann, holm, signFlipTest } from "./statistics.ts";

export type Decided = Omit<Decision, "metric" | "sentence">;

/**
 * The decisions of a comparison, made together: the more there are, the more each of them needs.
 * @param questions of each decision the log ratios of its pairs of blocks
 * @param margin of equivalence, as a fraction
 */
export function decide(questions: readonly (readonly number[])[], margin: number): Decided[] {
  // Holm's first step: whatever the others come to, a decision at this level stands.
  const level = alpha / questions.length;
  const fewest = fewestPairs(level);
  const tests = questions.map((logRatios) => (logRatios.length < fewest ? null : signFlipTest(logRatios, level)));
  const adjusted = holm(tests.map((test) => test?.p ?? null));
  return questions.map((logRatios, index) => {
    const effect = effectOf(logRatios);
    const [test, p] = [tests[index] ?? null, adjusted[index] ?? null];
    if (test?.interval == null || p === null || effect.interval === null)
      return {
        ...{ verdict: "too-few", effect, p: null, adjusted: null, beyondNoise: false, exact: true },
        ...{ detectable: null, fewest },
      };
    const beyondNoise = p <= alpha;
    const [low, high] = effect.interval;
    const equivalent = low > 1 / (1 + margin) && high < 1 + margin;
    const [centre, [least, most]] = [hodgesLehmann(logRatios), test.interval];
    return {
      verdict: equivalent ? "equivalent" : beyondNoise ? "difference" : "within-noise",
      ...{ effect, p: test.p, adjusted: p, beyondNoise, exact: test.exact },
      // Were the true difference this much larger or smaller than the estimate, the interval would leave it out.
      detectable: Math.expm1(Math.max(centre - least, most - centre)),
      fewest,
    };
  });
}
