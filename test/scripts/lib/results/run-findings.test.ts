import test from "ava";
import { parseJournal, type RunJournal } from "../../../../scripts/lib/results/journal.ts";
import { findingsOf } from "../../../../scripts/lib/results/run-findings.ts";
import { runIdOf } from "../../../../workloads/benchmark/plan.ts";
import { digestOf, journalText, modelDigest, syntheticBlock, syntheticPlan } from "./synthetic-run.ts";

const plan = syntheticPlan();
const text = journalText(syntheticBlock(plan, 0, { noise: 0 }));
const [run] = parseJournal(text, { runId: runIdOf(plan), plan, block: 0 }).runs as [RunJournal];
const given = { locked: modelDigest, ceiling: null, load: null };
const load = { samples: 1, cpu: null, memory: null, frequency: null, temperature: null, throttled: 0, joules: null };
const codes = (one: RunJournal, changes: Partial<Parameters<typeof findingsOf>[1]> = {}) =>
  findingsOf(digestOf(one), { ...given, ...changes }).map(({ code }) => code);

test("nothing speaks against a sound run", (t) => {
  t.deepEqual(codes(run, { ceiling: 100, load }), []);
});

test("a rate beyond what the memory can deliver is impossible, one just below it is not", (t) => {
  t.deepEqual(codes(run, { ceiling: 49.9 }), ["too-fast"]);
  t.deepEqual(codes(run, { ceiling: 50.2 }), []);
});

test("a board that slowed itself down did not run as the others", (t) => {
  t.deepEqual(codes(run, { load: { ...load, throttled: 0x80008 } }), ["throttled"]);
  t.deepEqual(codes(run, { load: { ...load, throttled: null } }), []);
});

test("a clock that was set shows in the difference of both clocks, a slewed one does not count", (t) => {
  const length = run.end.monotonic - run.start.monotonic;
  const later = (milliseconds: number) => ({ ...run, end: { ...run.end, at: run.end.at + milliseconds } });
  t.deepEqual(codes(later(50 + length * 1e-3 + 1)), ["clock"]);
  t.deepEqual(codes(later(-60 - length * 1e-3)), ["clock"]);
  t.deepEqual(codes(later(49)), []);
});

test("another model at the end, or in between, is told", (t) => {
  t.deepEqual(codes({ ...run, end: { ...run.end, modelDigest: "sha256:other" } }), ["digest"]);
  t.deepEqual(codes(run, { locked: "sha256:other" }), ["digest"]);
});

test("an answer whose prompt was not counted may have come from a cache", (t) => {
  const requests = run.requests.map((request, index) => (index === 0 ? { ...request, tokensIn: null } : request));
  t.deepEqual(codes({ ...run, requests }), ["no-count"]);
});
