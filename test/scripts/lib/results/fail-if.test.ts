import test from "ava";
import { failuresOf, parseCondition } from "../../../../scripts/lib/results/fail-if.ts";
import type { Comparison } from "../../../../scripts/lib/results/comparison.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { changed, exampleComparison, redecided } from "./example-comparison.ts";

for (const [text, condition] of [
  ["slower:5%", { kind: "slower", limit: 0.05 }],
  ["longer:150%", { kind: "longer", limit: 1.5 }],
  ["less-accurate:3", { kind: "less-accurate", limit: 0.03 }],
  ["failing:0.5%", { kind: "failing", limit: 0.005 }],
  ["undecided", { kind: "undecided" }],
] as const)
  test(`reads ${text}`, (t) => {
    t.deepEqual(parseCondition(text), condition);
  });

for (const text of [
  "",
  "slower",
  "slower:5",
  "slower:0%",
  "slower:-5%",
  "slower:101%",
  "faster:5%",
  "less-accurate:3%",
  "undecided:1",
  "slower:5%%",
  "longer:1e3%",
])
  test(`refuses "${text}"`, (t) => {
    t.throws(() => parseCondition(text), {
      instanceOf: UserError,
      message: /can't be read\n {2}Next: write slower:5%/,
    });
  });

const failures = (comparison: Comparison, ...conditions: string[]) =>
  failuresOf(comparison, conditions.map(parseCondition));

test("names the side that is worse by at least the limit, and no other", async (t) => {
  const comparison = await exampleComparison(t);
  const [slower, ...others] = failures(comparison, "slower:5%");
  t.regex(
    slower ?? "",
    /^sweep:slow is slower by (9\.\d|10) % in decode rate \(p = 0\.0\d+\), and 5\.0 % is the limit$/,
  );
  t.deepEqual(others, []);
  t.regex(failures(comparison, "longer:5%")[0] ?? "", /^sweep:slow is longer by 1[01] % in end to end/);
  t.deepEqual(failures(comparison, "slower:15%", "longer:15%", "failing:1%", "undecided"), []);
});

test("a difference that is not beyond noise fails nothing, however large its estimate", async (t) => {
  const comparison = redecided(await exampleComparison(t), { beyondNoise: false, verdict: "within-noise" });
  t.deepEqual(failures(comparison, "slower:5%", "longer:5%"), []);
  t.is(failures(comparison, "undecided").length, 4);
});

test("a difference beyond noise fails although it lies inside the margin", async (t) => {
  const comparison = redecided(await exampleComparison(t), { beyondNoise: true, verdict: "equivalent" });
  t.is(failures(comparison, "slower:5%").length, 1);
  t.deepEqual(failures(comparison, "undecided"), []);
});

test("separate sessions decide on speed by a reference run alone", async (t) => {
  const comparison = await exampleComparison(t);
  const apart = changed(comparison, () => ({ evidence: "separate" as const, referenced: false }));
  t.throws(() => failures(apart, "slower:5%"), {
    instanceOf: UserError,
    message: /separate sessions.*same reference/s,
  });
  t.is(failures(apart, "undecided").length, 4);
  const referenced = changed(comparison, () => ({ evidence: "separate" as const, referenced: true }));
  t.is(failures(referenced, "slower:5%").length, 1);
});

test("a condition on what was not measured is an error", async (t) => {
  const comparison = await exampleComparison(t);
  const rates = changed(comparison, ({ decisions }) => ({
    decisions: decisions.filter(({ metric }) => metric === "decode-rate"),
  }));
  t.throws(() => failures(rates, "longer:5%"), { instanceOf: UserError, message: /no primary metric is a time/ });
  t.throws(() => failures(comparison, "less-accurate:3"), {
    instanceOf: UserError,
    message: /no scenario asks a suite/,
  });
});

test("accuracy counts where McNemar's test is beyond noise after Holm's step-down, and failed requests by their share", async (t) => {
  const share = (correct: number) => ({ correct, asked: 100, interval: null });
  const withAccuracy = (p: number, b: number) => async () =>
    changed(await exampleComparison(t), ({ scenarios }) => ({
      scenarios: scenarios.map((scenario, place) => ({
        ...scenario,
        accuracy: place > 0 ? null : { a: share(57), b: share(b), onlyA: 9, onlyB: 1, p, detectable: 0.1 },
        outcomes: { ...scenario.outcomes, b: { requests: 50, failures: { timeout: 1 } } },
      })),
    }));
  const worse = await withAccuracy(0.02, 54)();
  t.is(failures(worse, "less-accurate:3").length, 2, "57 less 54 of 100 are 3 points");
  t.deepEqual(failures(worse, "less-accurate:3.1"), []);
  t.deepEqual(failures(await withAccuracy(0.03, 50)(), "less-accurate:3"), [], "two tests: 0.06");
  t.regex(failures(worse, "failing:2%")[0] ?? "", /^sweep:slow: 2 of 100 requests failed \(2\.0 %\), and 2\.0 % is/);
  t.deepEqual(failures(worse, "failing:2.1%"), []);
});
