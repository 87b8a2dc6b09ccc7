import test from "ava";
import fc from "fast-check";
import { parseJournal, readRuns } from "../../../../scripts/lib/results/journal.ts";
import { runIdOf } from "../../../../workloads/benchmark/plan.ts";
import type { JournalRecord } from "../../../../workloads/benchmark/record.ts";
import { journalText, syntheticBlock, syntheticPlan } from "./synthetic-run.ts";

const plan = syntheticPlan();
const expected = { runId: runIdOf(plan), plan, block: 2 };
const whole = syntheticBlock(plan, 2);
const parse = (records: readonly JournalRecord[]) => parseJournal(journalText(records), expected);
const asAttempt = (records: readonly JournalRecord[], attempt: number) =>
  records.map((record): JournalRecord => ({ ...record, attempt, at: record.at + attempt * 1e6 }));

test("a whole journal is a complete block of its runs without warm-up", (t) => {
  const block = parse(whole);
  t.is(block.state, "complete");
  t.is(block.problem, null);
  t.deepEqual(
    block.runs.map(({ variant, scenario, requests }) => [variant, scenario, requests.map(({ request }) => request)]),
    whole
      .filter((record) => record.type === "run-end")
      .map(({ variant, scenario }) => [variant, scenario, [0, 1, 2, 3, 4]]),
  );
  t.deepEqual(block.ollamaVersions, ["0.17.4"]);
});

test("cut anywhere, a journal is partial and keeps each run that ended", (t) => {
  const text = journalText(whole);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: text.length - 1 }),
      fc.constantFrom("", "\0\0\0", "\0\0\0\n"),
      (length, tail) => {
        const cut = text.slice(0, length);
        const block = parseJournal(cut + tail, expected);
        t.is(block.state, "partial");
        t.is(block.records, cut.split("\n").length - 1);
        t.is(block.runs.length, cut.split('"type":"run-end"').length - 1 - (/"run-end"[^\n]*$/.test(cut) ? 1 : 0));
        t.is(block.tornLines > 0, !cut.endsWith("\n") && cut !== "" ? true : tail !== "");
      },
    ),
  );
});

test("cut anywhere and gone on with, runs read one by one are those of the whole", (t) => {
  const lines = journalText(whole).match(/[^\n]*\n/g) ?? [];
  fc.assert(
    fc.property(fc.nat({ max: lines.length }), fc.nat({ max: lines.length }), (end, more) => {
      const again = journalText(asAttempt(whole.slice(0, more), 2)).match(/[^\n]*\n/g) ?? [];
      const journal = [...lines.slice(0, end), ...again, '{"type":"req'];
      const { state, runs } = parseJournal(journal.join(""), expected);
      fc.pre(state !== "invalid");
      t.deepEqual([...readRuns(journal, expected)], runs);
    }),
  );
});

test("a run counts in the attempt in which it ended", (t) => {
  const [end] = whole.flatMap((record, index) => (record.type === "run-end" ? [index] : []));
  const first = whole.slice(0, (end ?? 0) + 4);
  const ended = whole[end ?? 0];
  const rest = whole.filter(
    (record) => !("scenario" in record && ended?.type === "run-end" && record.scenario === ended.scenario),
  );
  const block = parse([...first, ...asAttempt(rest, 2)]);
  t.is(block.state, "complete");
  t.is(block.attempts, 2);
  t.deepEqual(
    block.runs.map(({ requests }) => [...new Set(requests.map(({ attempt }) => attempt))]),
    [[1], [2]],
  );
  t.true(block.runs.every(({ requests }) => requests.length === 5));
});

const damages: Record<string, [(records: JournalRecord[]) => string, RegExp]> = {
  "a flipped quote in its middle": [
    (records) => journalText(records).replace('"request"', '"requ'),
    /line 3 can't be read/,
  ],
  "a run that ended without its beginning": [
    (records) => journalText(records.filter(({ type }) => type !== "run-start")),
    /ended, but did not begin/,
  ],
  "a missing line": [
    (records) => journalText(records.filter((record) => !(record.type === "request" && record.request === 3))),
    /4 of 5 requests/,
  ],
  "a line twice": [
    (records) =>
      journalText(
        records.flatMap((record) => (record.type === "request" && record.request === 0 ? [record, record] : [record])),
      ),
    /request twice/,
  ],
  "another block's records": [() => journalText(syntheticBlock(plan, 3)), /block 3/],
  "another run's records": [() => journalText(syntheticBlock(syntheticPlan({ series: 2 }), 2)), /belongs to run/],
  "an end before its runs ended": [
    (records) => journalText(records.filter((record) => record.type === "block-start" || record.type === "block-end")),
    /0 of 2 runs/,
  ],
  "another model's answer": [
    (records) =>
      journalText(
        records.map((record) => (record.type === "request" ? { ...record, modelDigest: "sha256:other" } : record)),
      ),
    /another model/,
  ],
  "a run that ended twice": [
    (records) =>
      journalText(
        records.flatMap((record): JournalRecord[] => (record.type === "run-end" ? [record, record] : [record])),
      ),
    /ended twice/,
  ],
  "a request after its run's end": [
    (records) => {
      const late = records.findIndex((record) => record.type === "request" && record.request === -1);
      return journalText([...records, ...records.slice(late, late + 1)]);
    },
    /a request of run \S+ follows its end/,
  ],
  "an attempt again": [(records) => journalText([...records.slice(0, 3), ...records]), /attempt 1 follows attempt 1/],
};

for (const [name, [damage, problem]] of Object.entries(damages))
  test(`is invalid with ${name}`, (t) => {
    const block = parseJournal(damage([...whole]), expected);
    t.is(block.state, "invalid");
    t.regex(block.problem ?? "", problem);
    t.deepEqual(block.runs, []);
  });

test("never throws", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.json(), fc.constantFrom(...whole.map((r) => JSON.stringify(r))))),
      (lines) => {
        t.true(["complete", "partial", "invalid"].includes(parseJournal(lines.join("\n"), expected).state));
      },
    ),
  );
});
