import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { collectRun, type Collected, type CollectOptions } from "../../../../scripts/lib/results/collect-run.ts";
import { manifestSchema } from "../../../../scripts/lib/results/manifest.ts";
import { unknownAfter } from "../../../../scripts/lib/results/node-after.ts";
import type { NodeJournals } from "../../../../scripts/lib/results/node-journals.ts";
import { openSealedRun } from "../../../../scripts/lib/results/sealed-run.ts";
import { orderOf } from "../../../../workloads/benchmark/order.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import {
  emptyResults,
  heldJournals,
  journalText,
  nodeAfter,
  provenance,
  sealSynthetic,
  syntheticBlock,
  syntheticOutputs,
  syntheticPlan,
} from "./synthetic-run.ts";

const plan = syntheticPlan({ blocks: 3 });
const outputs = syntheticOutputs(plan);
const { runId } = outputs;
const text = (block: number) => journalText(syntheticBlock(plan, block));

/** A results directory, and a node whose journals the test changes; `fetched` is what was copied from it. */
async function setUp(t: ExecutionContext) {
  const layout = await emptyResults(t);
  const onNode = new Map([0, 1, 2].map((block) => [block, text(block)]));
  const fetched: number[] = [];
  const held = heldJournals(onNode);
  const node: NodeJournals = {
    list: () => held.list(),
    copy(block, file) {
      fetched.push(block);
      return held.copy(block, file);
    },
  };
  const collect = (changes: Partial<CollectOptions> = {}): Promise<Collected> =>
    collectRun({
      stack: "one",
      outputs,
      layout,
      journals: () => Promise.resolve(node),
      samples: () => Promise.resolve(""),
      nodeAfter,
      provenance: () => Promise.resolve(provenance),
      final: false,
      now: () => new Date(Date.UTC(2026, 10, 24)),
      signal: new AbortController().signal,
      ...changes,
    });
  return { layout, onNode, fetched, collect };
}

const states = ({ blocks }: Collected) => blocks.map(({ state }) => state);

test("a finished run is sealed with its provenance and the bytes that the node had", async (t) => {
  const { layout, collect } = await setUp(t);
  const collected = await collect();
  t.is(collected.outcome, "sealed");
  t.deepEqual(states(collected), ["sealed", "sealed", "sealed"]);
  const directory = layout.sealed("one", runId);
  t.is(collected.directory, directory);
  for (const block of [0, 1, 2])
    t.is(await readFile(join(directory, "raw", `block-${block}.ndjson`), "utf8"), text(block));
  const manifest = manifestSchema.parse(JSON.parse(await readFile(join(directory, "manifest.json"), "utf8")));
  t.like(manifest, { stack: "one", runId, plan, site: "lab", ...provenance, collectedAt: "2026-11-24T00:00:00.000Z" });
  t.deepEqual(manifest.versions, { k3s: "v1.34.2+k3s1", ollama: ["0.17.4"] });
  t.true(manifest.planDigest.startsWith(runId));
  t.deepEqual(
    manifest.blocks.map(({ sha256, records }) => [sha256, records]),
    [0, 1, 2].map((block) => [createHash("sha256").update(text(block)).digest("hex"), 18]),
  );
  t.deepEqual(await readdir(layout.stack("one")), [runId]);
});

test("the manifest has each block's order, and every node as it was after", async (t) => {
  const { layout, collect } = await setUp(t);
  const away = unknownAfter("no answer");
  await collect({ nodeAfter: (node) => (node === "server" ? Promise.resolve(away) : nodeAfter(node)) });
  const { manifest } = await openSealedRun(layout, "one");
  t.deepEqual(
    manifest.blocks.map(({ order }) => order),
    [0, 1, 2].map((block) => orderOf(plan, block).map(({ name }) => name)),
  );
  t.deepEqual(Object.keys(manifest.nodesAfter).sort(), ["agent-1", "server"]);
  t.like(manifest.nodesAfter["agent-1"], { throttled: 0, problem: null });
  t.is(manifest.nodesAfter["agent-1"]?.facts?.model, manifest.nodes["agent-1"]?.model);
  t.deepEqual(manifest.nodesAfter.server, away);
});

test("again there is nothing to do, and nothing is copied", async (t) => {
  const { layout, fetched, collect } = await setUp(t);
  await collect();
  fetched.length = 0;
  t.like(await collect(), { outcome: "present", measurement: runId, note: null });
  t.deepEqual(fetched, []);
  t.deepEqual(await readdir(layout.stack("one")), [runId]);
});

test("a sealed run is there whether or not its node can be reached, and that it was not asked is told", async (t) => {
  const { onNode, collect } = await setUp(t);
  const gone = () => Promise.reject(new UserError({ what: "no answer", where: "server", next: "check its power" }));
  await t.throwsAsync(collect({ journals: gone }), { message: /no answer/ });
  await collect();
  const unreachable = await collect({ journals: gone });
  t.like(unreachable, { outcome: "present", measurement: runId });
  t.regex(unreachable.note ?? "", /not known.*server: no answer$/);
  await t.throwsAsync(collect({ journals: () => Promise.reject(new Error("a bug")) }), { message: "a bug" });
  onNode.clear();
  const emptied = await collect({ final: true });
  t.like(emptied, { outcome: "present", measurement: runId });
  t.regex(emptied.note ?? "", /holds no journals/);
});

/** The same plan measured on a site that was built anew, the n-th time. */
const again = (n: number, block: number) =>
  journalText(syntheticBlock(plan, block, { seed: n, start: (of) => Date.UTC(2026, 10, 23 + n) + of * 60_000 }));

test("what a site that was built anew measured is sealed beside the older measurement", async (t) => {
  const { layout, onNode, collect } = await setUp(t);
  await collect();
  for (const n of [2, 3]) {
    for (const block of [0, 1, 2]) onNode.set(block, again(n, block));
    const collected = await collect();
    t.like(collected, { outcome: "sealed", measurement: `${runId}-${n}` });
    t.regex(collected.note ?? "", /measured anew/);
    t.like(await collect(), { outcome: "present", measurement: `${runId}-${n}`, note: null });
    const newest = await openSealedRun(layout, "one");
    t.is(newest.measurement, `${runId}-${n}`);
    t.is(newest.manifest.runId, runId);
    t.deepEqual(
      [...newest.blocks.values()].map(({ state }) => state),
      ["complete", "complete", "complete"],
    );
    t.is(await readFile(join(layout.sealed("one", `${runId}-${n}`), "raw", "block-1.ndjson"), "utf8"), again(n, 1));
  }
  t.deepEqual((await readdir(layout.stack("one"))).sort(), [runId, `${runId}-2`, `${runId}-3`]);
  t.is(await readFile(join(layout.sealed("one", runId), "raw", "block-1.ndjson"), "utf8"), text(1));
  t.is((await openSealedRun(layout, "one", runId)).measurement, runId);
  // A card of the first generation is back in its board.
  for (const block of [0, 1, 2]) onNode.set(block, text(block));
  t.like(await collect(), { outcome: "present", measurement: runId, note: null });
});

test("a second measurement that goes on is partial until it has ended", async (t) => {
  const { layout, onNode, collect } = await setUp(t);
  await collect();
  onNode.clear();
  onNode.set(0, again(2, 0).slice(0, 1500));
  const first = await collect();
  t.like(first, { outcome: "partial", measurement: `${runId}-2`, directory: layout.partial("one", `${runId}-2`) });
  t.deepEqual(states(first), ["partial", "missing", "missing"]);
  t.is((await openSealedRun(layout, "one")).measurement, runId);
  const gone = () => Promise.reject(new UserError({ what: "no answer", next: "check its power" }));
  await t.throwsAsync(collect({ journals: gone }), { message: /no answer/ });
  for (const block of [0, 1, 2]) onNode.set(block, again(2, block));
  t.like(await collect(), { outcome: "sealed", measurement: `${runId}-2` });
  t.deepEqual((await readdir(layout.stack("one"))).sort(), [runId, `${runId}-2`]);
});

test("an unsealed measurement keeps its blocks when the site is built anew", async (t) => {
  const { layout, onNode, collect } = await setUp(t);
  onNode.delete(2);
  t.is((await collect()).outcome, "partial");
  onNode.clear();
  onNode.set(0, again(2, 0));
  t.deepEqual(states(await collect()), ["sealed", "missing", "missing"]);
  t.is(await readFile(join(layout.partial("one", runId), "raw", "block-0.ndjson"), "utf8"), text(0));
  for (const block of [1, 2]) onNode.set(block, again(2, block));
  t.like(await collect(), { outcome: "sealed", measurement: `${runId}-2` });
  t.deepEqual((await readdir(layout.stack("one"))).sort(), [`${runId}.partial`, `${runId}-2`].sort());
});

for (const [name, sealedWith, later] of [
  ["a block that was partial", text(1).slice(0, 2000), text(1)],
  ["a block that was missing", null, text(1)],
] as const)
  test(`what was sealed as final stays so when its run goes on: ${name}`, async (t) => {
    const { layout, onNode, collect } = await setUp(t);
    if (sealedWith === null) onNode.delete(1);
    else onNode.set(1, sealedWith);
    t.is((await collect({ final: true })).outcome, "sealed");
    onNode.set(1, later);
    for (const final of [false, true]) {
      const collected = await collect({ final });
      t.like(collected, { outcome: "present", measurement: runId });
      t.regex(collected.note ?? "", /sealed as final.*raise.*series/);
    }
    t.deepEqual(await readdir(layout.stack("one")), [runId]);
  });

test("a block that has not begun says nothing of what measured it", async (t) => {
  const { layout, onNode, collect } = await setUp(t);
  onNode.set(1, "").set(2, '{"type":"block-st');
  t.is((await collect({ final: true })).outcome, "sealed");
  onNode.delete(0);
  t.like(await collect(), { outcome: "present", measurement: runId });
  onNode.set(0, again(2, 0));
  t.like(await collect(), { outcome: "partial", measurement: `${runId}-2` });
  t.deepEqual((await readdir(layout.stack("one"))).sort(), [runId, `${runId}-2.partial`]);
});

test("a measurement's number is not given twice, also when an older one was moved away", async (t) => {
  const { layout, onNode, collect } = await setUp(t);
  await collect();
  for (const block of [0, 1, 2]) onNode.set(block, again(2, block));
  await collect();
  await rename(layout.sealed("one", runId), join(layout.directory, "moved"));
  t.like(await collect(), { outcome: "present", measurement: `${runId}-2` });
  for (const block of [0, 1, 2]) onNode.set(block, again(3, block));
  t.like(await collect(), { outcome: "sealed", measurement: `${runId}-3` });
});

test("a run that goes on is kept as partial, and only what is new is copied later", async (t) => {
  const { layout, onNode, fetched, collect } = await setUp(t);
  onNode.delete(2);
  onNode.set(1, text(1).slice(0, 2000));
  const first = await collect();
  t.is(first.outcome, "partial");
  t.deepEqual(states(first), ["sealed", "partial", "missing"]);
  t.false(existsSync(layout.sealed("one", runId)));
  await t.throwsAsync(openSealedRun(layout, "one"), { instanceOf: UserError, message: /no sealed run/ });
  onNode.set(1, text(1)).set(2, text(2));
  fetched.length = 0;
  t.is((await collect()).outcome, "sealed");
  t.deepEqual(fetched, [1, 2]);
});

test("a run that will not go on is sealed as it is, with each block's state", async (t) => {
  const { layout, onNode, collect } = await setUp(t);
  onNode.delete(2);
  onNode.set(0, text(0).replace('"request"', "?"));
  const collected = await collect({ final: true });
  t.is(collected.outcome, "sealed");
  t.deepEqual(states(collected), ["invalid", "sealed", "missing"]);
  const { manifest, blocks } = await openSealedRun(layout, "one");
  t.deepEqual(
    manifest.blocks.map(({ problem }) => problem),
    ["line 3 can't be read", null, "the node has no journal of it"],
  );
  t.deepEqual([...blocks.keys()], [0, 1]);
});

test("a run that left nothing at all is not sealed", async (t) => {
  const { layout, onNode, collect } = await setUp(t);
  onNode.clear();
  await t.throwsAsync(collect({ final: true }), { instanceOf: UserError, message: /node server holds nothing of run/ });
  t.false(existsSync(layout.sealed("one", runId)));
});

test("a copy that fails leaves nothing half-written, and what came before it", async (t) => {
  const { layout, collect, fetched } = await setUp(t);
  const held = heldJournals(new Map([0, 1, 2].map((block) => [block, text(block)])));
  const breaking: NodeJournals = {
    list: () => held.list(),
    copy: (block, file) => (block === 1 ? Promise.reject(new Error("link down")) : held.copy(block, file)),
  };
  await t.throwsAsync(collect({ journals: () => Promise.resolve(breaking) }), { message: "link down" });
  t.deepEqual(await readdir(join(layout.partial("one", runId), "raw")), ["block-0.ndjson"]);
  t.is((await collect()).outcome, "sealed");
  t.deepEqual(fetched, [1, 2]);
});

test("a disk that is full when all blocks are here is told, and nothing is lost", async (t) => {
  const { layout, collect, fetched } = await setUp(t);
  const full = () => Promise.reject(Object.assign(new Error("no space left on device"), { code: "ENOSPC" }));
  await t.throwsAsync(collect({ samples: full }), {
    instanceOf: UserError,
    message: /one: there is no room to seal run/,
  });
  t.false(existsSync(layout.sealed("one", runId)));
  fetched.length = 0;
  t.is((await collect()).outcome, "sealed");
  t.deepEqual(fetched, []);
});

test("goes on after a collector that was killed at any point", async (t) => {
  const { layout, collect } = await setUp(t);
  const raw = join(layout.partial("one", runId), "raw");
  await mkdir(raw, { recursive: true });
  await writeFile(join(raw, "block-0.ndjson"), text(0).slice(0, 50));
  await writeFile(join(raw, "block-1.ndjson.tmp"), "half");
  await writeFile(join(layout.partial("one", runId), "manifest.json"), "half");
  await writeFile(join(layout.partial("one", runId), "SHA256SUMS"), "half");
  t.is((await collect()).outcome, "sealed");
  await t.notThrowsAsync(openSealedRun(layout, "one"));
  t.deepEqual(await readdir(layout.sealed("one", runId), { recursive: true }), [
    "SHA256SUMS",
    "manifest.json",
    "raw",
    "raw/block-0.ndjson",
    "raw/block-1.ndjson",
    "raw/block-2.ndjson",
  ]);
});

test("a stop is heeded between two blocks, and the lock is released", async (t) => {
  const { collect } = await setUp(t);
  const stopped = AbortSignal.abort(new Error("stopped"));
  await t.throwsAsync(collect({ signal: stopped }), { message: "stopped" });
  t.is((await collect()).outcome, "sealed");
});

test("two collectors at once: the second is told, and one seals", async (t) => {
  const { collect } = await setUp(t);
  const outcomes = await Promise.allSettled([collect(), collect()]);
  t.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  const [refused] = outcomes.filter((outcome) => outcome.status === "rejected");
  t.regex(String(refused?.reason), /another process/);
});

test("an earlier run of a stack stays when the next one is collected", async (t) => {
  const { layout, collect } = await setUp(t);
  await collect();
  const next = syntheticPlan({ blocks: 1, series: 2 });
  const later = syntheticBlock(next, 0, { start: () => Date.UTC(2026, 10, 25) });
  await collect({
    outputs: syntheticOutputs(next),
    journals: () => Promise.resolve(heldJournals(new Map([[0, journalText(later)]]))),
  });
  t.is((await openSealedRun(layout, "one")).manifest.plan.series, 2);
  t.is((await openSealedRun(layout, "one", runId)).manifest.plan.series, 1);
  await t.throwsAsync(openSealedRun(layout, "one", "000000000000"), { message: /run 000000000000 is not there/ });
});

const sample = (at: number) =>
  `${JSON.stringify({
    ...{ at, up: at, cpu: 0.5, memory: { total: 8e9, available: 6e9 }, cgroups: {}, frequency: 2.4e9 },
    ...{ temperature: 55, throttled: 0, fan: null, watts: null },
  })}\n`;

test("what the serving node's probe sampled is sealed with the run, and the manifest says how much", async (t) => {
  const layout = await emptyResults(t);
  const text = [1, 2, 3].map(sample).join("");
  await sealSynthetic(layout, "one", syntheticPlan(), { samples: (node) => (node === "agent-1" ? text : "") });
  const { manifest, samples } = await openSealedRun(layout, "one");
  t.like(manifest.samples[0], { node: "agent-1", lines: 3, problem: null });
  t.deepEqual(
    samples.get("agent-1")?.map(({ at }) => at),
    [1, 2, 3],
  );
});

test("a run whose samples can't be had is sealed all the same, and says why", async (t) => {
  const layout = await emptyResults(t);
  await sealSynthetic(layout, "one", syntheticPlan());
  const away = () => {
    throw new UserError({ what: "no answer", where: "agent-1", next: "check its power" });
  };
  await sealSynthetic(layout, "two", syntheticPlan(), { samples: away });
  const problems = await Promise.all(
    ["one", "two"].map(async (stack) => (await openSealedRun(layout, stack)).manifest.samples),
  );
  t.deepEqual(problems, [
    [{ node: "agent-1", lines: 0, sha256: null, problem: "the node has no probe, or keeps its samples no longer" }],
    [{ node: "agent-1", lines: 0, sha256: null, problem: "agent-1: no answer" }],
  ]);
});
