import test from "ava";
import { loadDuring } from "../../../../scripts/lib/results/node-load.ts";
import type { ProbeSample } from "../../../../workloads/probe/sample.ts";

const sample = (at: number, changes: Partial<ProbeSample> = {}): ProbeSample => ({
  ...{ at, up: at, cpu: 0.5, memory: { total: 100, available: 60 }, cgroups: {} },
  ...{ frequency: 2.4e9, temperature: 50, throttled: 0, fan: null, watts: 6 },
  ...changes,
});
const seconds = [0, 1, 2, 3, 4].map((second) => sample(second * 1000));
const run = { from: 1000, to: 3000 };

test("only what was sampled in the run counts: means, extremes, and shares", (t) => {
  const samples = [
    sample(0, { cpu: 1, temperature: 99 }),
    sample(1000, { cpu: 0.4, temperature: 55, memory: { total: 100, available: 50 } }),
    sample(2000, { cpu: 0.6, temperature: 60, frequency: 1.5e9 }),
    sample(3000, { cpu: null, temperature: null }),
    sample(4000, { cpu: 1, temperature: 99 }),
  ];
  t.like(loadDuring(samples, run), { samples: 3, cpu: 0.5, memory: 0.5, frequency: 1.5e9, temperature: 60 });
});

test("nothing sampled is nothing known", (t) => {
  t.deepEqual(loadDuring([], run), {
    ...{ samples: 0, cpu: null, memory: null, frequency: null, temperature: null, throttled: null, joules: null },
  });
});

test("energy is power over time, to both ends of the run, and unknown where samples are missing", (t) => {
  t.is(loadDuring(seconds, run).joules, 12);
  t.is(loadDuring(seconds, { from: 1500, to: 3500 }).joules, 12);
  const rising = [1000, 2000, 3000].map((at) => sample(at, { watts: at / 1000 }));
  t.is(loadDuring(rising, run).joules, 4);
  const gap = [sample(1000), sample(5000)];
  t.is(loadDuring(gap, { from: 1000, to: 5000 }).joules, null);
  t.is(loadDuring([sample(9000), sample(10_000)], { from: 1000, to: 10_000 }).joules, null);
  t.is(
    loadDuring(
      seconds.map((one) => ({ ...one, watts: null })),
      run,
    ).joules,
    null,
  );
});

test("a bit that was set before the run, and is not so any more, is not the run's", (t) => {
  const bits = (before: number, ...during: number[]) =>
    loadDuring(
      [
        sample(0, { throttled: before }),
        ...during.map((throttled, index) => sample(1000 + index * 1000, { throttled })),
      ],
      run,
    ).throttled;
  t.is(bits(0, 0, 0), 0);
  t.is(bits(0x50000, 0x50000, 0x50000), 0);
  t.is(bits(0, 0, 0x80008), 0x80008);
  t.is(bits(0x50000, 0x50000, 0xd0000), 0x80000);
  t.is(bits(0x50005, 0x50005), 0x5);
});

test("a run of a week has its load too", (t) => {
  const week = 7 * 86_400;
  const samples = Array.from({ length: week }, (_, second) =>
    sample(second * 1000, { temperature: 50 + (second % 9) }),
  );
  t.like(loadDuring(samples, { from: 0, to: week * 1000 }), { samples: week, temperature: 58, memory: 0.4 });
});
