import { createHash } from "node:crypto";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { parseJournal } from "../../../../scripts/lib/results/journal.ts";
import { readBlock } from "../../../../scripts/lib/results/read-block.ts";
import { readBlocks, threadsFrom } from "../../../../scripts/lib/results/read-blocks.ts";
import { runIdOf } from "../../../../workloads/benchmark/plan.ts";
import { exampleScenario } from "../../../workloads/example-plan.ts";
import { journalText, syntheticBlock, syntheticPlan } from "./synthetic-run.ts";

/** Blocks of a plan as files. */
async function written(t: { teardown: (clean: () => unknown) => void }, plan = syntheticPlan()) {
  const directory = await mkdtemp(join(tmpdir(), "bramble-blocks-"));
  t.teardown(() => rm(directory, { recursive: true }));
  return await Promise.all(
    Array.from({ length: plan.blocks }, async (_, block) => {
      const text = journalText(syntheticBlock(plan, block));
      const file = join(directory, `block-${block}.ndjson`);
      await writeFile(file, text);
      return { text, block: { file, expected: { runId: runIdOf(plan), plan, block } } };
    }),
  );
}

test("a file is read as its text is, and its digest is of the same bytes", async (t) => {
  for (const { text, block } of await written(t)) {
    const { sha256, digest } = readBlock(block);
    t.is(sha256, createHash("sha256").update(text).digest("hex"));
    const { runs, ...journal } = parseJournal(text, block.expected);
    t.like(digest, journal);
    t.deepEqual(
      digest.runs.map(({ variant, scenario, from, to, outcomes }) => [variant, scenario, from, to, outcomes.requests]),
      runs.map(({ variant, scenario, from, to, requests }) => [variant, scenario, from, to, requests.length]),
    );
  }
});

test("large journals are read on threads, with the same outcome, two runs at once", async (t) => {
  const scenario = { ...exampleScenario, prompts: "questions", maxTokens: 1500 };
  const load = { kind: "closed" as const, users: 1, requests: 120 };
  const blocks = (await written(t, syntheticPlan({ blocks: 10, scenarios: { chat: { ...scenario, load } } }))).map(
    ({ block }) => block,
  );
  const sizes = await Promise.all(blocks.map(async ({ file }) => (await stat(file)).size));
  t.true(sizes.reduce((sum, size) => sum + size) > threadsFrom);
  const [one, other] = await Promise.all([readBlocks(blocks), readBlocks(blocks.toReversed())]);
  t.deepEqual(one, blocks.map(readBlock));
  t.deepEqual(other, one.toReversed());
});
