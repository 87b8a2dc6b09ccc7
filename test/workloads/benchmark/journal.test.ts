import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { openJournal } from "../../../workloads/benchmark/journal.ts";
import type { BlockEnd, RunEnd } from "../../../workloads/benchmark/record.ts";

const runEnd = (variant: string, attempt: number): RunEnd => ({
  type: "run-end",
  block: 0,
  attempt,
  variant,
  scenario: "short",
  at: 1,
  monotonic: 1,
  modelDigest: null,
});
const blockEnd: BlockEnd = { type: "block-end", block: 0, attempt: 1, at: 2 };

function directory(t: { teardown(fn: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), "journal-"));
  t.teardown(() => {
    rmSync(path, { recursive: true });
  });
  return path;
}

test("a first attempt starts with nothing", (t) => {
  const journal = openJournal(join(directory(t), "not", "yet"), 0);
  t.is(journal.attempt, 1);
  t.deepEqual(journal.finished, new Set());
  t.false(journal.ended);
  journal.close();
});

test("the next attempt knows which runs ended", (t) => {
  const path = directory(t);
  const first = openJournal(path, 3);
  first.append(runEnd("a", first.attempt));
  first.close();
  const second = openJournal(path, 3);
  t.is(second.attempt, 2);
  t.deepEqual(second.finished, new Set(["a/short"]));
  second.append(runEnd("b", second.attempt));
  second.append(blockEnd);
  second.close();
  const third = openJournal(path, 3);
  t.is(third.attempt, 3);
  t.true(third.ended);
  third.close();
  t.is(readFileSync(join(path, "block-3.ndjson"), "utf8").split("\n").length, 4);
});

test("a journal cut at any byte goes on with what lies whole before the cut", (t) => {
  const path = directory(t);
  const file = join(path, "block-0.ndjson");
  const lines = ["a", "b", "ü"].map((variant) => `${JSON.stringify(runEnd(variant, 1))}\n`);
  const whole = Buffer.from(lines.join(""));
  fc.assert(
    fc.property(fc.nat(whole.length), fc.constantFrom("", "\0\0\0\0", "\0\n\0"), (cut, garbage) => {
      writeFileSync(file, Buffer.concat([whole.subarray(0, cut), Buffer.from(garbage)]));
      const journal = openJournal(path, 0);
      journal.append(blockEnd);
      journal.close();
      const kept = readFileSync(file, "utf8").split("\n").slice(0, -1);
      const expected = lines.filter((_, index) => Buffer.byteLength(lines.slice(0, index + 1).join("")) <= cut);
      t.deepEqual(kept, [...expected.map((line) => line.trimEnd()), JSON.stringify(blockEnd)]);
      t.is(journal.finished.size, expected.length);
    }),
  );
});

test("damage in the middle is an error, and the file is left as it is", (t) => {
  const path = directory(t);
  const file = join(path, "block-0.ndjson");
  const content = `${JSON.stringify(runEnd("a", 1))}\n{"torn\n${JSON.stringify(runEnd("b", 1))}\n`;
  appendFileSync(file, content);
  t.throws(() => openJournal(path, 0), { message: /block-0\.ndjson, line 2 is damaged/ });
  t.is(readFileSync(file, "utf8"), content);
});
