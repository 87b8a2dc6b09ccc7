import test from "ava";
import fc from "fast-check";
import {
  fewestPairs,
  hodgesLehmann,
  holm,
  randomGenerator,
  signFlipTest,
} from "../../../../scripts/lib/results/statistics.ts";

/**
 * Reference values: SciPy 1.17.1, permutation_test((d,), mean, permutation_type="samples", n_resamples=inf), and the median
 * of the pairs' means by NumPy.
 */
const references = [
  { differences: [0.0301, 0.0449, 0.0163, -0.0145, 0.0073, -0.0196], p: 0.34375, centre: 0.0118 },
  { differences: [0.033, 0.097, 0.0054, -0.001, 0.0545, 0.0478, 0.0353, -0.0165], p: 0.046875, centre: 0.031475 },
  {
    differences: [0.0285, 0.0648, -0.0372, 0.0071, -0.0651, -0.0345, -0.0621, 0.0182, -0.0334, 0.0436],
    p: 0.62890625,
    centre: -0.00815,
  },
  {
    differences: [0.0378, 0.0207, -0.0958, 0.0031, 0.0276, 0.0357, -0.0465, 0.0061, -0.0189, -0.0104, 0.083, -0.0104],
    p: 0.841796875,
    centre: 0.00515,
  },
];

for (const { differences, p, centre } of references)
  test(`agrees with SciPy on ${differences.length} pairs`, (t) => {
    t.is(signFlipTest(differences, 0.05).p, p);
    t.true(Math.abs(hodgesLehmann(differences) - centre) < 1e-12);
  });

/** Reference values: statsmodels 0.15.0, multipletests(p, method="holm"), and the same by stdlib's port of R's p.adjust. */
const adjustments = [
  { p: [0.01, 0.04, 0.03, 0.005], adjusted: [0.03, 0.06, 0.06, 0.02] },
  { p: [0.01, 0.02, 0.03, 0.04, 0.05], adjusted: [0.05, 0.08, 0.09, 0.09, 0.09] },
  {
    p: [0.001953125, 0.03125, 0.4, 0.001953125, 0.9, 0.02],
    adjusted: [0.01171875, 0.09375, 0.8, 0.01171875, 0.9, 0.08],
  },
  { p: [0.5, 0.9], adjusted: [1, 1] },
  { p: [0.04], adjusted: [0.04] },
  // p.adjust(c(0.01, 0.03), "holm", n = 4): a test that could not be made counts.
  { p: [0.01, null, 0.03, null], adjusted: [0.04, null, 0.09, null] },
];

for (const { p, adjusted } of adjustments)
  test(`adjusts ${p.join(", ")} as R does`, (t) => {
    const own = holm(p);
    t.is(own.length, adjusted.length);
    for (const [place, expected] of adjusted.entries()) {
      const one = own[place] ?? null;
      if (expected === null || one === null) t.is(one, expected);
      else t.true(Math.abs(one - expected) < 1e-12, `${one}`);
    }
  });

test("Holm's step-down keeps the order, and never lowers a p-value", (t) => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }), (values) => {
      const adjusted = holm(values).map((value) => value ?? NaN);
      for (const [place, value] of values.entries()) {
        t.true((adjusted[place] ?? NaN) >= value && (adjusted[place] ?? NaN) <= 1);
        for (const [other, than] of values.entries())
          if (value <= than) t.true((adjusted[place] ?? NaN) <= (adjusted[other] ?? NaN));
      }
    }),
  );
});

test("the smallest p-value is 2 over 2^n", (t) => {
  const smallest = (pairs: number) =>
    signFlipTest(
      Array.from({ length: pairs }, (_, i) => 1 + i / 10),
      0.05,
    ).p;
  t.deepEqual([5, 6, 8, 10].map(smallest), [2 / 32, 2 / 64, 2 / 256, 2 / 1024]);
});

test("six pairs are the fewest that reach 0.05, and the fewest with an interval", (t) => {
  t.is(fewestPairs(0.05), 6);
  t.is(signFlipTest([1, 2, 3, 4, 5], 0.05).interval, null);
  t.deepEqual(signFlipTest([1, 2, 3, 4, 5, 6], 0.05).interval, [1, 6]);
});

test("equal sides are no difference", (t) => {
  t.is(signFlipTest([0, 0, 0, 0, 0, 0], 0.05).p, 1);
});

test("above 16 pairs the patterns are sampled, the same ones for the same seed", (t) => {
  const random = randomGenerator(3);
  const differences = Array.from({ length: 20 }, () => random() - 0.35);
  const sampled = signFlipTest(differences, 0.05);
  t.false(sampled.exact);
  t.deepEqual(signFlipTest(differences, 0.05), sampled);
  // All 2^20 patterns, counted by SciPy 1.17.1.
  t.true(Math.abs(sampled.p - 0.09053802490234375) < 0.003, `${sampled.p}`);
});

const differences = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 6, maxLength: 9 });

test("the interval holds just the shifts that the test does not reject", (t) => {
  fc.assert(
    fc.property(differences, fc.integer({ min: -1100, max: 1100 }), (values, shift) => {
      const [low, high] = signFlipTest(values, 0.05).interval ?? [NaN, NaN];
      // Half a unit off the grid and not on any subset's mean, where the test jumps.
      const moved = shift + Math.SQRT2 / 1000;
      const accepted = signFlipTest(
        values.map((value) => value - moved),
        0.05,
      );
      t.is(accepted.p > 0.05, low <= moved && moved <= high);
    }),
  );
});

test("the estimate lies in the interval, moves with a shift and turns with the sign", (t) => {
  fc.assert(
    fc.property(differences, fc.integer({ min: -50, max: 50 }), (values, shift) => {
      const [low, high] = signFlipTest(values, 0.05).interval ?? [NaN, NaN];
      const centre = hodgesLehmann(values);
      t.true(low <= centre && centre <= high);
      t.is(hodgesLehmann(values.map((value) => value + shift)) + 0, centre + shift + 0);
      t.is(hodgesLehmann(values.map((value) => -value)) + 0, -centre + 0);
    }),
  );
});

test("the estimate is the median of all pairs' means, and 100 001 values are no trouble", (t) => {
  const listed = (values: readonly number[]) => {
    const means = values.flatMap((value, index) => values.slice(index).map((other) => (value + other) / 2));
    means.sort((one, other) => one - other);
    const [low, high] = [means[Math.ceil(means.length / 2) - 1], means[Math.floor(means.length / 2)]];
    return ((low ?? NaN) + (high ?? NaN)) / 2;
  };
  const values = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(values, (some) => {
      t.is(hodgesLehmann(some) + 0, listed(some) + 0);
    }),
  );
  const many = Array.from({ length: 100_001 }, (_, index) => index - 50_000);
  t.is(hodgesLehmann(many) + 0, 0);
});
