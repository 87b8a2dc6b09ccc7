import test from "ava";
import fc from "fast-check";
import { clockSkew } from "../../../stacks/nodes/clock-skew.ts";

test("half the round trip may be no skew", (t) => {
  t.is(clockSkew(1_000_000, 1_004_000, 1002), 0);
  t.is(clockSkew(1_000_000, 1_004_000, 1004), 0);
  t.is(clockSkew(1_000_000, 1_004_000, 1000), 0);
  t.is(clockSkew(1_000_000, 1_004_000, 1014), 10);
  t.is(clockSkew(1_000_000, 1_004_000, 990), -10);
});

test("whenever the node read its clock, no more skew is found than there is, and at most a round trip less", (t) => {
  const skew = fc.integer({ min: -100_000, max: 100_000 });
  const trip = fc.integer({ min: 0, max: 60_000 });
  fc.assert(
    fc.property(skew, trip, fc.double({ min: 0, max: 1, noNaN: true }), (actual, roundTrip, part) => {
      const sent = 1.8e12;
      const found = clockSkew(sent, sent + roundTrip, (sent + part * roundTrip) / 1000 + actual);
      t.true(Math.abs(found) <= Math.abs(actual) + 1e-3);
      t.true(Math.abs(found) >= Math.abs(actual) - roundTrip / 1000 - 1e-3);
      t.true(found === 0 || Math.sign(found) === Math.sign(actual));
    }),
  );
});
