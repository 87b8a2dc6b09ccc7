import test from "ava";
import fc from "fast-check";
import { costOf } from "../../../scripts/bench/probe-cost.ts";

/** Forty pairs that lose `cost`, with noise that takes turns. */
const pairs = (cost: number, noise: number) =>
  Array.from({ length: 40 }, (_, index) => ({
    without: 1e10,
    with: 1e10 * (1 - cost) * Math.exp(index % 2 === 0 ? noise : -noise),
  }));

test("a cost is told from noise that is small", (t) => {
  const { value, interval, verdict } = costOf(pairs(0.003, 0.005));
  t.true(Math.abs(value - 0.003) < 1e-4);
  t.true(interval !== null && interval[0] < 0.003 && interval[1] > 0.003);
  t.is(verdict, "under the limit");
  t.is(costOf(pairs(0.03, 0.005)).verdict, "over the limit");
});

test("where noise hides it, or pairs are too few, no verdict is given", (t) => {
  t.is(costOf(pairs(0.003, 0.2)).verdict, "not resolvable here");
  const few = costOf(pairs(0.003, 0).slice(0, 5));
  t.is(few.interval, null);
  t.is(few.verdict, "not resolvable here");
});

test("what slows both windows of a pair down alike costs nothing", (t) => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 1, max: 1e10, noNaN: true }), { minLength: 6, maxLength: 12 }), (rates) => {
      const { value, interval } = costOf(rates.map((rate) => ({ with: rate, without: rate })));
      t.is(Math.abs(value), 0);
      t.deepEqual(interval?.map(Math.abs), [0, 0]);
    }),
  );
});
