import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { parseSamples, readSamples } from "../../../../scripts/lib/results/node-samples.ts";
import type { RunOnNode } from "../../../../scripts/lib/results/node-journals.ts";
import { UserError } from "../../../../stacks/user-error.ts";

const here: RunOnNode = (argv, { stdin }) =>
  new Promise((resolve) => {
    // Without sudo, on this machine.
    const child = execFile("python3", argv.slice(3), (error, stdout, stderr) => {
      resolve({ stdout, stderr, code: error === null ? 0 : Number(error.code) });
    });
    child.stdin?.end(stdin);
  });

const noon = Date.UTC(2026, 10, 26, 12);
const line = (at: number) => `{"at":${at}}\n`;

test("of the node's hourly files the lines of the span are read, torn ones left out", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "bramble-samples-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  mkdirSync(join(directory, "more"));
  writeFileSync(join(directory, "2026-11-26T10.ndjson"), line(noon - 7_200_000));
  writeFileSync(join(directory, "2026-11-26T11.ndjson"), line(noon - 5_000) + line(noon - 1_000));
  writeFileSync(
    join(directory, "2026-11-26T12.ndjson"),
    `${line(noon)}{"at":17642\n${line(noon + 1_000)}${line(noon + 9_000)}`,
  );
  const span = { from: noon - 2_000, to: noon + 2_000 };
  t.is(await readSamples("pi-2", here, directory, span), [noon - 1_000, noon, noon + 1_000].map(line).join(""));
  t.is(await readSamples("pi-2", here, join(directory, "none"), span), "");
  await t.throwsAsync(readSamples("pi-2", here, directory, { from: NaN, to: 1 }), {
    instanceOf: UserError,
    message: /^node pi-2: .* could not be read/,
  });
});

test("what is no sample is left out", (t) => {
  t.deepEqual(parseSamples('{"at":1}\n\nnonsense\n'), []);
});
