import test from "ava";
import { decide } from "../../../../scripts/lib/results/decide.ts";

/** Log ratios of pairs around a centre, by a hundredth more and less. */
const around = (centre: number, pairs = 10) =>
  Array.from({ length: pairs }, (_, pair) => centre + 0.01 * Math.cos(3 * pair));

const verdicts = (questions: readonly (readonly number[])[], margin = 0.05) =>
  decide(questions, margin).map(({ verdict }) => verdict);

test("a difference, an equivalence, and neither", (t) => {
  t.deepEqual(verdicts([around(0.2)]), ["difference"]);
  t.deepEqual(verdicts([around(0)]), ["equivalent"]);
  t.deepEqual(verdicts([around(0)], 0.001), ["within-noise"]);
});

test("equivalence is the same whichever side is the baseline", (t) => {
  for (const centre of [0.03, 0.04, 0.045, 0.05])
    t.deepEqual(verdicts([around(centre)]), verdicts([around(centre).map((ratio) => -ratio)]), `${centre}`);
});

test("each further decision asks for more: of pairs, and of the difference", (t) => {
  const [alone] = decide([around(0.02)], 0.05);
  const [among] = decide([around(0.02), around(0), around(0), around(0)], 0.05);
  t.is(alone?.fewest, 6);
  t.is(among?.fewest, 8);
  t.is(among?.p, alone?.p);
  t.is(among?.adjusted, 4 * (alone?.p ?? NaN));
  t.true((among?.detectable ?? 0) > (alone?.detectable ?? 1));
  t.deepEqual(among?.effect, alone?.effect, "the interval is of its own comparison");
  t.deepEqual(verdicts([around(0.2, 7), around(0.2, 7), around(0.2, 7)]), ["difference", "difference", "difference"]);
  t.deepEqual(verdicts([around(0.2, 7), around(0.2, 6), around(0.2, 7)]), ["difference", "too-few", "difference"]);
});

test("without pairs there is no figure at all", (t) => {
  t.deepEqual(decide([[]], 0.05), [
    {
      ...{ verdict: "too-few", p: null, adjusted: null, beyondNoise: false, exact: true, detectable: null, fewest: 6 },
      effect: { pairs: 0, ratio: null, interval: null },
    },
  ]);
});

test("a difference as large as the detectable one is found with this noise", (t) => {
  const [noise] = decide([around(0)], 0.05);
  const found = decide([around(Math.log1p(noise?.detectable ?? 0) + 1e-9)], 0.05);
  t.true(found[0]?.beyondNoise);
});
