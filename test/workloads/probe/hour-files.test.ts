import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { excessOf, hourFile, HourFiles } from "../../../workloads/probe/hour-files.ts";

const hour = 3_600_000;
const at = Date.UTC(2026, 2, 1, 14, 59, 59, 999);

function temporary(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), "bramble-samples-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  return directory;
}

test("each hour has a file, named in UTC", async (t) => {
  t.is(hourFile(at), "2026-03-01T14.ndjson");
  t.is(hourFile(at + 1), "2026-03-01T15.ndjson");
  const directory = join(temporary(t), "made", "anew");
  const files = new HourFiles(directory, 1000);
  files.append('{"a":1}', at);
  files.append('{"a":2}', at + 1);
  files.append('{"a":3}', at + 2);
  await files.close();
  t.is(readFileSync(join(directory, "2026-03-01T14.ndjson"), "utf8"), '{"a":1}\n');
  t.is(readFileSync(join(directory, "2026-03-01T15.ndjson"), "utf8"), '{"a":2}\n{"a":3}\n');
});

test("a line can be read at once, before anything is synced", async (t) => {
  const directory = temporary(t);
  const files = new HourFiles(directory, 1000);
  files.append("1", at);
  t.is(readFileSync(join(directory, hourFile(at)), "utf8"), "1\n");
  files.sync();
  await files.close();
});

test("a restart goes on in the hour's file, without what a power cut tore off", async (t) => {
  const directory = temporary(t);
  for (const [name, torn] of [
    ["2026-03-01T14.ndjson", '{"a":1}\n{"a":2'],
    ["2026-03-01T15.ndjson", '{"a":'],
  ] as const)
    appendFileSync(join(directory, name), torn);
  const files = new HourFiles(directory, 1000);
  files.append('{"a":3}', at);
  files.append('{"a":4}', at + hour);
  await files.close();
  t.is(readFileSync(join(directory, "2026-03-01T14.ndjson"), "utf8"), '{"a":1}\n{"a":3}\n');
  t.is(readFileSync(join(directory, "2026-03-01T15.ndjson"), "utf8"), '{"a":4}\n');
});

test("the oldest files go, as few as can be, and never the newest or somebody else's", (t) => {
  const name = fc.integer({ min: 0, max: 50 }).map((hours) => hourFile(at + hours * hour));
  fc.assert(
    fc.property(fc.dictionary(name, fc.nat(100)), fc.nat(500), (sizes, limit) => {
      const names = Object.keys(sizes).sort();
      const excess = excessOf({ ...sizes, "notes.txt": 10_000 }, limit);
      t.deepEqual(excess, names.slice(0, excess.length));
      const left = (kept: readonly string[]) => kept.reduce((sum, each) => sum + (sizes[each] ?? 0), 0);
      const kept = names.slice(excess.length);
      t.true(left(kept) <= limit || kept.length === 1);
      if (excess.length > 0) t.true(left(names.slice(excess.length - 1)) > limit);
    }),
  );
});

test("files beyond the limit are deleted when a new hour begins", async (t) => {
  const directory = temporary(t);
  for (const old of ["01", "02", "03"]) writeFileSync(join(directory, `2026-03-01T${old}.ndjson`), "x".repeat(400));
  writeFileSync(join(directory, "README"), "x".repeat(4000));
  const files = new HourFiles(directory, 1000);
  files.append("1", at);
  await files.close();
  t.deepEqual(readdirSync(directory).sort(), [
    "2026-03-01T02.ndjson",
    "2026-03-01T03.ndjson",
    "2026-03-01T14.ndjson",
    "README",
  ]);
});

test("a full disk is an error each time, and the next hour is tried again", async (t) => {
  const directory = temporary(t);
  symlinkSync("/dev/full", join(directory, hourFile(at)));
  const files = new HourFiles(directory, 1000);
  const append = () => {
    files.append("1", at);
  };
  t.throws(append, { code: "ENOSPC" });
  t.throws(append, { code: "ENOSPC" });
  files.append("2", at + hour);
  await files.close();
  t.is(readFileSync(join(directory, hourFile(at + hour)), "utf8"), "2\n");
});
