import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { collectedRuns } from "../../../stacks/destroy/collected-runs.ts";

const digest = (line: string) => createHash("sha256").update(line).digest("hex");

async function results(t: ExecutionContext, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "bramble-results-"));
  t.teardown(() => rm(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
  return directory;
}

test("finds a run's sealed measurements, whichever stack made them, by their blocks' first lines", async (t) => {
  const directory = await results(t, {
    "threads-1/0123456789ab/raw/block-0.ndjson": "first\nsecond\n",
    "threads-1/0123456789ab/raw/block-1.ndjson": "other",
    "threads-1/0123456789ab-2/raw/block-0.ndjson": "anew\n",
    "threads-2/0123456789ab/raw/block-0.ndjson": "elsewhere\n",
    "threads-1/0123456789ab-3.partial/raw/block-0.ndjson": "not sealed\n",
    "threads-1/0123456789ab.partial/raw/block-0.ndjson": "not sealed\n",
    "threads-1/0123456789abc/raw/block-0.ndjson": "another run\n",
    "threads-1/file": "",
    "a-file": "",
  });
  const found = await collectedRuns(directory, "0123456789ab");
  t.deepEqual(
    found.map((starts) => [...starts]).sort(),
    [[digest("first")], [digest("anew")], [digest("elsewhere")]].sort(),
  );
  const own = await collectedRuns(directory, "0123456789ab", "threads-2");
  t.deepEqual(
    own.map((starts) => [...starts]),
    [[digest("elsewhere")]],
  );
});

test("where nothing was ever collected, nothing is found", async (t) => {
  t.deepEqual(await collectedRuns(join(tmpdir(), "no-such-directory"), "0123456789ab"), []);
  t.deepEqual(await collectedRuns(await results(t, {}), "0123456789ab", "threads-1"), []);
});
