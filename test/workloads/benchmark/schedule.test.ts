import test from "ava";
import fc from "fast-check";
import type { Load } from "../../../workloads/benchmark/plan.ts";
import { scheduleOf } from "../../../workloads/benchmark/schedule.ts";

const place = { block: 0, run: 0 };
const gapsOf = (due: readonly number[]) => due.map((at, index) => at - (due[index - 1] ?? 0));
const poisson = (rate: number, requests: number): Load => ({ kind: "poisson", rate, requests });

test("a closed loop has no schedule", (t) => {
  t.is(scheduleOf({ kind: "closed", users: 3, requests: 9 }, 1, place), null);
});

test("a constant rate is evenly apart, from the start on", (t) => {
  t.deepEqual(scheduleOf({ kind: "constant", rate: 4, requests: 3 }, 1, place), [0, 250, 500]);
});

test("bursts come whole, and the last one may be smaller", (t) => {
  t.deepEqual(
    scheduleOf({ kind: "burst", size: 2, interval: 10, requests: 5 }, 1, place),
    [0, 0, 10_000, 10_000, 20_000],
  );
});

// The expected times were computed by another implementation (Python's hashlib and math.log).
test("random arrivals are fixed for ever by seed, block and run", (t) => {
  const due = scheduleOf(poisson(2, 3), 7, { block: 1, run: 2 }) ?? [];
  t.deepEqual(
    due.map((at) => Math.round(at * 1000) / 1000),
    [4.977, 555.287, 1075.966],
  );
  t.notDeepEqual(scheduleOf(poisson(2, 3), 8, { block: 1, run: 2 }), due);
  t.notDeepEqual(scheduleOf(poisson(2, 3), 7, { block: 2, run: 2 }), due);
  t.notDeepEqual(scheduleOf(poisson(2, 3), 7, { block: 1, run: 3 }), due);
});

test("any open loop has a time for each request, in order", (t) => {
  const loads = fc.oneof(
    fc.record({
      kind: fc.constantFrom("constant" as const, "poisson" as const),
      rate: fc.double({ min: 0.01, max: 1000, noNaN: true }),
      requests: fc.integer({ min: 1, max: 50 }),
    }),
    fc.record({
      kind: fc.constant("burst" as const),
      size: fc.integer({ min: 1, max: 20 }),
      interval: fc.double({ min: 0.1, max: 100, noNaN: true }),
      requests: fc.integer({ min: 1, max: 50 }),
    }),
  );
  fc.assert(
    fc.property(loads, fc.nat(), (load, seed) => {
      const due = scheduleOf(load, seed, place) ?? [];
      t.is(due.length, load.requests);
      t.true(gapsOf(due).every((gap) => gap >= 0 && Number.isFinite(gap)));
    }),
  );
});

test("random arrivals are a Poisson process: gaps are exponential at the rate", (t) => {
  const [count, rate] = [2000, 5];
  const gaps = gapsOf(scheduleOf(poisson(rate, count), 3, place) ?? []).sort((a, b) => a - b);
  // Kolmogorov-Smirnov: beyond 1.63 / sqrt(n) the distribution is another one, at a level of 1 % (Stephens 1974). The seed is fixed.
  const distance = Math.max(
    ...gaps.map((gap, index) => Math.abs(1 - Math.exp((-gap / 1000) * rate) - (index + 0.5) / count)),
  );
  t.true(distance < 1.63 / Math.sqrt(count), String(distance));
});
