import test from "ava";
import fc from "fast-check";
import { growthOf } from "../../../scripts/bench/growth.ts";
import { comparePairs } from "../../../scripts/bench/paired.ts";

test("a line's slope comes back, with an interval around it", (t) => {
  // By the textbook's formulas, computed apart: slope 9.6351, 95 % interval with t(4) = 2.776 from 9.1963 to 10.0740.
  const growth = growthOf([
    [1, 31],
    [4, 59],
    [8, 99],
    [1, 30],
    [4, 61],
    [8, 97],
  ]);
  t.is(growth.slope, 9.635);
  t.deepEqual(growth.interval, [9.196, 10.074]);
  t.true(growth.resolved);
});

test("noise alone is not called growth", (t) => {
  const growth = growthOf([
    [1, 10],
    [4, 30],
    [8, 12],
    [1, 28],
    [4, 9],
    [8, 27],
  ]);
  t.false(growth.resolved);
});

test("three points give no interval, and so no growth", (t) => {
  const growth = growthOf([
    [1, 10],
    [4, 40],
    [8, 80],
  ]);
  t.is(growth.interval, null);
  t.false(growth.resolved);
});

test("what slows both of a pair down alike does not change their ratio", (t) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1, max: 100, noNaN: true }), { minLength: 6, maxLength: 10 }),
        (slowness) => {
          const { ratio, interval } = comparePairs(slowness.map((by) => ({ value: 1.2 * by, baseline: by })));
          return ratio === 1.2 && interval?.[0] === 1.2 && interval[1] === 1.2;
        },
      ),
    );
  });
});
