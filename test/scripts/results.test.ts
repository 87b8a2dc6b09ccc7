import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { results } from "../../scripts/results.ts";
import { exportResults } from "../../scripts/lib/results/export-results.ts";
import type { ResultsLayout } from "../../scripts/lib/results/layout.ts";
import { listRuns, renderRuns, sealedRuns } from "../../scripts/lib/results/list-runs.ts";
import { seal } from "../../scripts/lib/results/seal.ts";
import { openSealedRun } from "../../scripts/lib/results/sealed-run.ts";
import { verifyResults } from "../../scripts/lib/results/verify-results.ts";
import { UserError } from "../../stacks/user-error.ts";
import { emptyResults, sealSynthetic, syntheticPlan } from "./lib/results/synthetic-run.ts";

const plan = syntheticPlan({ blocks: 2 });
const failure = (scenario: string, block: number, request: number) =>
  scenario === "chat" && block === 0 && request === 1 ? ("timeout" as const) : null;

async function oneRun(t: ExecutionContext): Promise<{ layout: ResultsLayout; run: string; directory: string }> {
  const layout = await emptyResults(t);
  const run = await sealSynthetic(layout, "one", plan, { failure });
  return { layout, run, directory: layout.sealed("one", run) };
}

async function problems(layout: ResultsLayout): Promise<(string | null)[]> {
  const found: (string | null)[] = [];
  for await (const { problem } of verifyResults(layout, await sealedRuns(layout))) found.push(problem);
  return found;
}

test("runs are listed with what they are, also those that are not sealed yet", async (t) => {
  const { layout, run } = await oneRun(t);
  await mkdir(layout.partial("two", "0123456789ab"), { recursive: true });
  const listed = await listRuns(layout);
  t.like(listed[0], { stack: "one", run, sealed: true, series: 1, variants: ["base"] });
  t.deepEqual(listed[0]?.blocks, { planned: 2, sealed: 2, partial: 0, missing: 0, invalid: 0 });
  t.like(listed[1], { stack: "two", run: "0123456789ab", sealed: false, blocks: null });
  const lines = renderRuns(listed).split("\n");
  t.regex(lines[1] ?? "", new RegExp(`^one +${run} +1 +2026-11-23 12:00 +2 of 2 +1 +[\\d.]+ kB  sealed$`));
  t.regex(lines[2] ?? "", /not sealed yet$/);
});

test("any flipped byte of any file is found, and its file named", async (t) => {
  const { layout, directory } = await oneRun(t);
  t.deepEqual(await problems(layout), [null]);
  const files = ["SHA256SUMS", "manifest.json", "raw/block-0.ndjson", "raw/block-1.ndjson"];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.integer({ min: 1, max: 255 }),
      async (file, share, flip) => {
        const path = join(directory, file);
        const original = await readFile(path);
        const content = Buffer.from(original);
        const at = Math.floor(share * content.length);
        content.writeUInt8(content.readUInt8(at) ^ flip, at);
        await chmod(path, 0o644);
        await writeFile(path, content);
        const [problem] = await problems(layout);
        await writeFile(path, original);
        t.true(
          problem !== null && (file === "SHA256SUMS" || problem?.includes(`${file} was changed`)),
          String(problem),
        );
      },
    ),
    { numRuns: 60 },
  );
  t.deepEqual(await problems(layout), [null]);
});

test("all damaged files of all runs are named, and the exit code says so", async (t) => {
  const { layout, directory } = await oneRun(t);
  const other = layout.sealed("two", await sealSynthetic(layout, "two", plan));
  t.is(await results(["verify"], layout), 0);
  for (const file of [
    join(directory, "raw/block-0.ndjson"),
    join(directory, "manifest.json"),
    join(other, "manifest.json"),
  ]) {
    await chmod(file, 0o644);
    await writeFile(file, "{}");
  }
  const [one, two] = await problems(layout);
  t.regex(one ?? "", /manifest\.json was changed, raw\/block-0\.ndjson was changed/);
  t.regex(two ?? "", /manifest\.json was changed/);
  t.is(await results(["verify"], layout), 1);
});

test("a file that can't be read any more is damage as well, and the other runs are looked at", async (t) => {
  const { layout, directory } = await oneRun(t);
  await sealSynthetic(layout, "two", plan);
  for (const file of ["manifest.json", "raw/block-0.ndjson"]) {
    const path = join(directory, file);
    const content = await readFile(path);
    for (const folder of [directory, join(directory, "raw")]) await chmod(folder, 0o755);
    await rm(path);
    await symlink("/nowhere", path);
    const [one, two] = await problems(layout);
    t.true(one?.includes(file), String(one));
    t.is(two, null);
    await rm(path);
    await writeFile(path, content);
  }
});

test("a seal that was made anew over a changed journal does not hide it", async (t) => {
  const { layout, run, directory } = await oneRun(t);
  const journal = join(directory, "raw", "block-1.ndjson");
  for (const path of [directory, join(directory, "raw")]) await chmod(path, 0o755);
  await chmod(journal, 0o644);
  await writeFile(journal, (await readFile(journal, "utf8")).replace('"tokensIn":24', '"tokensIn":25'));
  await rename(directory, `${directory}.partial`);
  await seal(`${directory}.partial`, directory);
  t.deepEqual(await problems(layout), ["block 1 is not the one that its manifest tells of"]);
  t.is((await openSealedRun(layout, "one")).measurement, run);
});

async function exported(t: ExecutionContext, format: "csv" | "json", per: "request" | "run"): Promise<string> {
  const { layout } = await oneRun(t);
  const out = join(layout.directory, "out");
  await exportResults(layout, [{ stack: "one" }], { format, per }, out);
  return await readFile(out, "utf8");
}

test("every request is a row, with what it was run with and units in the columns' names", async (t) => {
  const rows = JSON.parse(await exported(t, "json", "request")) as Record<string, unknown>[];
  t.is(rows.length, 2 * 2 * 5);
  t.like(rows[1], { stack: "one", series: 1, block: 0, variant: "base", model: "gemma3:270m", threads: 1 });
  t.is(rows.filter(({ outcome }) => outcome === "timeout").length, 1);
  const csv = (await exported(t, "csv", "request")).split("\r\n");
  t.is(csv.length, 2 * 2 * 5 + 2);
  t.is(csv[0], Object.keys(rows[0] ?? {}).join(","));
  t.regex(csv[0] ?? "", /,time_to_first_token_ms,end_to_end_ms,tokens_in,tokens_out,decode_rate_tokens_per_s,/);
});

test("every run is a row, with its quantiles and whether it may be believed", async (t) => {
  const rows = JSON.parse(await exported(t, "json", "run")) as Record<string, unknown>[];
  t.is(rows.length, 4);
  t.like(
    rows.find(({ block, scenario }) => block === 0 && scenario === "chat"),
    { requests: 5, failed: 1, believed: true, temperature_celsius: null, energy_joules: null },
  );
  t.regex((await exported(t, "csv", "run")).split("\r\n")[0] ?? "", /end_to_end_p99_s/);
});

test("what is no command, no format or no run is told", async (t) => {
  const { layout } = await oneRun(t);
  for (const [args, message] of [
    [["lost"], /there is no such command/],
    [["export", "one", "--format", "xml"], /there is no such export/],
    [["verify", "three"], /there is no sealed run/],
    [["show", "one", "--meter", "/nowhere.csv"], /nowhere\.csv: cannot be read/],
  ] as const)
    await t.throwsAsync(results(args, layout), { instanceOf: UserError, message });
});
