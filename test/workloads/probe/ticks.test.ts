import test from "ava";
import fc from "fast-check";
import { nextTick } from "../../../workloads/probe/ticks.ts";

test("a tick that is done is not done again, though its timer was early", (t) => {
  t.is(nextTick(7, 6.9996), 8);
});

test("work that took its time costs the ticks that passed, and none is made up for", (t) => {
  t.is(nextTick(1, 1.2), 2);
  t.is(nextTick(1, 3.2), 4);
});

test("ticks only go on, and the next is never more than a period away, unless its timer was early", (t) => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.double({ min: 0, max: 1e6, noNaN: true }), (done, elapsed) => {
      const tick = nextTick(done, elapsed);
      t.true(tick > done && tick >= elapsed);
      if (elapsed >= done) t.true(tick <= elapsed + 1);
    }),
  );
});
