import test from "ava";
import { mcNemar, scoreSuite, wilson } from "../../../../scripts/lib/results/suite-scores.ts";
import type { RequestRecord } from "../../../../workloads/benchmark/record.ts";
import { parseJournal } from "../../../../scripts/lib/results/journal.ts";
import { runIdOf } from "../../../../workloads/benchmark/plan.ts";
import { journalText, syntheticBlock, syntheticPlan } from "./synthetic-run.ts";

const plan = syntheticPlan();
const requests =
  parseJournal(journalText(syntheticBlock(plan, 0)), { runId: runIdOf(plan), plan, block: 0 }).runs[0]?.requests ?? [];
const [template] = requests as [RequestRecord];
const items = ["a", "b", "c", "d"].map((id) => ({
  ...{ id, kind: id < "c" ? "first" : "second", prompt: "?" },
  scorer: { type: "exact", answer: id },
}));
const answered = (prompt: number, answer: string | null, outcome: RequestRecord["outcome"] = "ok"): RequestRecord => ({
  ...template,
  ...{ prompt, answer, outcome },
});

test("answers are scored by their items, and failed requests count nowhere", (t) => {
  const score = scoreSuite(items, [
    answered(0, "a"),
    answered(1, "x"),
    answered(2, "C."),
    answered(3, null, "timeout"),
  ]);
  t.like(score, { correct: 2, asked: 3, detectable: null });
  t.deepEqual(score.byKind, { first: { correct: 1, asked: 2 }, second: { correct: 1, asked: 1 } });
  t.deepEqual([...score.right], ["a", "c"]);
});

// Reference values: statsmodels 0.15, proportion_confint(k, n, method="wilson").
for (const [correct, asked, low, high] of [
  [0, 10, 0, 0.277533],
  [10, 10, 0.722467, 1],
  [8, 30, 0.141835, 0.444483],
  [120, 259, 0.403627, 0.524127],
] as const)
  test(`${correct} of ${asked} right lie in [${low}, ${high}]`, (t) => {
    const interval = wilson(correct, asked) ?? [NaN, NaN];
    t.true(Math.abs(interval[0] - low) < 1e-4 && Math.abs(interval[1] - high) < 1e-4, String(interval));
  });

test("of nothing asked there is no interval", (t) => {
  t.is(wilson(0, 0), null);
});

// Reference values: SciPy 1.17, binomtest(min(b, c), b + c, 0.5).pvalue, which is McNemar's exact test.
for (const [a, b, p] of [
  [0, 5, 0.0625],
  [1, 9, 0.021484375],
  [6, 6, 1],
  [10, 25, 0.01672],
] as const)
  test(`${a} against ${b} items that one alone got right: p = ${p}`, (t) => {
    t.true(Math.abs(mcNemar(a, b) - p) < 1e-4, String(mcNemar(a, b)));
    t.is(mcNemar(b, a), mcNemar(a, b));
  });

test("more items tell smaller differences apart", (t) => {
  const detectable = (count: number) =>
    scoreSuite(
      items,
      Array.from({ length: count }, () => answered(0, "a")),
    ).detectable ?? 1;
  t.true(detectable(50) > detectable(250));
  // By simulation in Python with a third of the items discordant: 250 items show about 10 points at 80 % power.
  t.true(Math.abs(detectable(250) - 0.1) < 0.02, String(detectable(250)));
});
