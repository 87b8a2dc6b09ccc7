import test from "ava";
import fc from "fast-check";
import { median, quantileSorted } from "simple-statistics";
import { parseJournal, type RunJournal } from "../../../../scripts/lib/results/journal.ts";
import { runIdOf } from "../../../../workloads/benchmark/plan.ts";
import type { RequestRecord } from "../../../../workloads/benchmark/record.ts";
import { digestOf, journalText, syntheticBlock, syntheticPlan } from "./synthetic-run.ts";

const plan = syntheticPlan();
const [run] = parseJournal(journalText(syntheticBlock(plan, 0)), { runId: runIdOf(plan), plan, block: 0 }).runs as [
  RunJournal,
];
const [request] = run.requests as [RequestRecord];
const digested = (requests: readonly RequestRecord[]) => digestOf({ ...run, requests });

const time = fc.double({ min: 0.001, max: 1e5, noNaN: true });
const records = fc.array(
  fc
    .record({
      outcome: fc.constantFrom("ok" as const, "timeout" as const),
      timeToFirstToken: fc.option(time),
      endToEnd: fc.option(time),
      gaps: fc.array(time, { maxLength: 8 }),
      tokensOut: fc.option(fc.integer({ min: 0, max: 50 })),
      scheduled: fc.option(fc.integer({ min: -500, max: 500 }).map((due) => request.at + due)),
    })
    .map((fields): RequestRecord => ({ ...request, ...fields })),
  { maxLength: 30 },
);

test("a digest's figures are those of all its records, worked out one by one", (t) => {
  fc.assert(
    fc.property(records, (requests) => {
      const digest = digested(requests);
      const succeeded = requests.filter(({ outcome }) => outcome === "ok");
      const first = succeeded.flatMap(({ at, scheduled, timeToFirstToken }) =>
        timeToFirstToken === null ? [] : [timeToFirstToken + Math.max(0, at - (scheduled ?? at))],
      );
      const gaps = succeeded.flatMap((one) => one.gaps);
      const sorted = (values: number[]) => values.toSorted((a, b) => a - b);
      t.is(digest.figures["time-to-first-token"], first.length === 0 ? null : median(first));
      t.is(digest.quantiles["time-to-first-token"]?.p50 ?? null, first.length === 0 ? null : median(first));
      t.deepEqual(
        digest.quantiles["inter-token"],
        gaps.length === 0
          ? null
          : {
              p50: quantileSorted(sorted(gaps), 0.5),
              p95: quantileSorted(sorted(gaps), 0.95),
              p99: quantileSorted(sorted(gaps), 0.99),
            },
      );
      t.deepEqual(digest.samples["time-to-first-token"], first);
      t.is(digest.outcomes.requests, requests.length);
      t.is(digest.outcomes.failures.timeout ?? 0, requests.length - succeeded.length);
      t.is(
        digest.tokensOut,
        requests.reduce((sum, { tokensOut }) => sum + (tokensOut ?? 0), 0),
      );
    }),
  );
});

test("many samples are thinned to their order statistics, the least and the greatest among them", (t) => {
  const times = Array.from({ length: 1000 }, (_, index) => 1000 - index);
  const samples = digested(times.map((endToEnd) => ({ ...request, endToEnd: endToEnd * 1000 }))).samples["end-to-end"];
  t.is(samples.length, 200);
  t.deepEqual([samples[0], samples.at(-1)], [1, 1000]);
});

test("throughput counts the tokens of all requests over the whole time", (t) => {
  const requests = [10, 20].map((tokensOut) => ({ ...request, tokensOut }));
  t.is(digestOf({ ...run, requests, from: 1000, to: 4000 }).throughput, 10);
  t.is(digestOf({ ...run, requests, from: 1000, to: 1000 }).throughput, null);
});

test("answers are kept where they are scored, and only there", (t) => {
  t.deepEqual(digested([request]).answers, []);
  t.deepEqual(digested([{ ...request, answer: "42" }]).answers, [{ prompt: 0, outcome: "ok", answer: "42" }]);
});
