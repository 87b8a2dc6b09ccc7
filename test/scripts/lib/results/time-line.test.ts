import test from "ava";
import fc from "fast-check";
import { parseJournal } from "../../../../scripts/lib/results/journal.ts";
import type { JudgedRun } from "../../../../scripts/lib/results/judged-runs.ts";
import { mostPoints, timeLinesOf } from "../../../../scripts/lib/results/time-line.ts";
import { runIdOf } from "../../../../workloads/benchmark/plan.ts";
import type { ProbeSample } from "../../../../workloads/probe/sample.ts";
import { exampleScenario } from "../../../workloads/example-plan.ts";
import { digestOf, journalText, syntheticBlock, syntheticPlan, syntheticVariant } from "./synthetic-run.ts";

const plan = syntheticPlan();
const judgedBlock = (block: number): JudgedRun[] =>
  parseJournal(journalText(syntheticBlock(plan, block, { noise: 0 })), {
    ...{ runId: runIdOf(plan), plan, block },
  }).runs.map((run) => ({
    ...{ block, run: digestOf(run), variant: syntheticVariant, scenario: exampleScenario },
    ...{ load: null, prediction: null, findings: [] },
  }));
const judged = [0, 1].flatMap(judgedBlock);
const [first] = judged as [JudgedRun];
const beginning = first.run.start.at;

const sample = (at: number, changes: Partial<ProbeSample> = {}): ProbeSample => ({
  ...{ at, up: at, cpu: 0.5, memory: { total: 8e9, available: 5e9 }, cgroups: {} },
  ...{ frequency: 2.4e9, temperature: 61, throttled: 0, fan: null, watts: 7 },
  ...changes,
});
const pointsOf = (samples: readonly ProbeSample[]) =>
  timeLinesOf(judged, new Map([["agent-1", samples]])).flatMap((line) => line.samples);

test("a node has one time line of all its runs, in time's order, with what came of each", (t) => {
  const load = { samples: 1, cpu: null, memory: null, frequency: null, temperature: 71, throttled: 4, joules: null };
  const throttled = { ...first, load, findings: [{ code: "throttled" as const, text: "throttled: 0x4" }] };
  const elsewhere = { ...first, variant: { ...syntheticVariant, node: "agent-0" } };
  const lines = timeLinesOf([...judged.slice(1).reverse(), throttled, elsewhere], new Map());
  t.deepEqual(
    lines.map(({ node, runs, samples }) => [node, runs.length, samples.length]),
    [
      ["agent-0", 1, 0],
      ["agent-1", 4, 0],
    ],
  );
  const [, { runs } = t.fail()] = lines;
  t.deepEqual(
    runs.map(({ from }) => from),
    judged.map(({ run }) => run.from),
  );
  const { variant, scenario, from, to } = first.run;
  const came = { rate: first.run.figures["decode-rate"], temperature: 71, throttled: 4, believed: false };
  t.deepEqual(runs[0], { block: 0, variant, scenario, from, to, ...came });
  t.like(runs[1], { temperature: null, throttled: null, believed: true });
});

test("what lies between a block's runs is shown, what lies between blocks is not", (t) => {
  const [, second, third] = judged as [JudgedRun, JudgedRun, JudgedRun];
  t.is(third.block, 1);
  const between = sample((first.run.to + second.run.from) / 2);
  const around = [sample(beginning - 1), sample(second.run.to + 1), sample(third.run.start.at - 1)];
  t.deepEqual(
    pointsOf([...around, between]).map(({ at }) => at),
    [between.at],
  );
});

test("few samples are shown as they are, gaps in what they know too", (t) => {
  const unknown = { temperature: null, frequency: null, throttled: null, cpu: null };
  t.deepEqual(pointsOf([sample(beginning), sample(beginning + 1, unknown)]), [
    { at: beginning, temperature: 61, frequency: 2.4e9, throttled: 0, cpu: 0.5 },
    { at: beginning + 1, ...unknown },
  ]);
});

test("however many samples there are, their extremes and every bit are shown, in their order", (t) => {
  const changes = fc.record({
    temperature: fc.option(fc.integer({ min: 30, max: 90 })),
    frequency: fc.option(fc.integer({ min: 1, max: 24 }).map((step) => step * 1e8)),
    throttled: fc.option(fc.constantFrom(0, 1, 2, 4, 8, 0x10000, 0x20000, 0x80008)),
    cpu: fc.option(fc.integer({ min: 0, max: 10 }).map((share) => share / 10)),
  });
  fc.assert(
    fc.property(fc.array(changes, { maxLength: 30 }), fc.nat(2 * mostPoints), (rare, common) => {
      const all = [...rare, ...Array.from({ length: common }, () => ({})), ...rare];
      const samples = all.map((fields, index) => sample(beginning + index, fields));
      const points = pointsOf(samples);
      t.is(points.length, Math.min(samples.length, mostPoints));
      const known = <Name extends "temperature" | "frequency" | "throttled">(
        of: readonly Pick<ProbeSample, Name>[],
        name: Name,
      ) => of.flatMap((one) => one[name] ?? []);
      t.is(Math.max(...known(points, "temperature")), Math.max(...known(samples, "temperature")));
      t.is(Math.min(...known(points, "frequency")), Math.min(...known(samples, "frequency")));
      const bits = (of: readonly { throttled: number | null }[]) =>
        of.reduce((seen, { throttled }) => seen | (throttled ?? 0), 0);
      t.is(bits(points), bits(samples));
      t.true(points.every(({ at }, index) => index === 0 || at > (points[index - 1]?.at ?? at)));
      for (const { at, temperature } of points) t.is(samples.find((one) => one.at === at)?.temperature, temperature);
    }),
  );
});
