import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { median } from "simple-statistics";
import { bringUp } from "../../scripts/lib/bring-up.ts";
import { Registries } from "../../scripts/lib/bundle/registry.ts";
import { changeExperiment } from "../../scripts/lib/change-experiment.ts";
import { askModels } from "../../scripts/lib/models/lock-models.ts";
import { pulumi, stackOutputs } from "../../scripts/lib/pulumi.ts";
import { raiseTwin } from "../../scripts/lib/raise-twin.ts";
import { parseExperimentOutputs } from "../../scripts/lib/results/experiment-outputs.ts";
import { parseJournal, plannedRuns } from "../../scripts/lib/results/journal.ts";
import { rawPath, resultsLayout } from "../../scripts/lib/results/layout.ts";
import { openSealedRun } from "../../scripts/lib/results/sealed-run.ts";
import { summarize } from "../../scripts/lib/results/summary.ts";
import { Steps } from "../../scripts/lib/steps.ts";
import { ensureStack } from "../../scripts/lib/twin-stacks.ts";
import { defaultPatience } from "../../stacks/download.ts";
import { root } from "../../stacks/root.ts";
import { resultsDirectory } from "../../workloads/benchmark/job.ts";
import type { RequestRecord } from "../../workloads/benchmark/record.ts";
import { downTwin, leftovers } from "../../twin/site.ts";
import { renderTwinExperiment, setStackKey, stackFile, stackKey, type TwinParts } from "../../twin/stack-files.ts";
import * as live from "./live-site.ts";

// One story, told in order: each test starts from where the one before ended.

const { site, one } = live.stacks;
const [server, agent] = ["pi-1", "pi-2"];
const never = new AbortController().signal;
const options = { flags: [], signal: never };
let parts: TwinParts;

live.useTestState();

async function clear(): Promise<void> {
  await downTwin(live.twinDirectory);
  await rm(live.stateOfTests, { recursive: true, force: true });
  for (const stack of [site, one]) {
    await rm(stackFile(stack), { force: true });
    await rm(join(root, "results", stack), { recursive: true, force: true });
  }
}

/** Every dimension and every kind of load, each as small as it can be. */
function sweep(): Record<string, unknown> {
  const shape = { threads: 2, blocks: 2, requests: 2, maxTokens: { short: 8, long: 8 } };
  return {
    ...renderTwinExperiment(site, parts, shape),
    modules: "edge-operations",
    variants: { threads: [2], modules: ["none", "format"] },
    scenarios: {
      answers: { suite: "edge-operations", items: 6, maxTokens: 24 },
      arrivals: { prompts: "short-questions", requests: 4, maxTokens: 8, load: { kind: "poisson", rate: 2 } },
      burst: { prompts: "short-questions", requests: 3, maxTokens: 8, load: { kind: "burst", size: 3, interval: 5 } },
      cold: { prompts: "short-questions", requests: 1, warmup: 0, maxTokens: 8, cold: true },
      users: { prompts: "short-questions", requests: 4, maxTokens: 8, load: { kind: "closed", users: 2 } },
    },
    server: { parallel: 2 },
    reference: { model: "gemma", threads: 2, requests: 1, maxTokens: 8 },
    coolDown: { below: 60, limit: 30 },
  };
}

const update = (stack: string) => pulumi(["up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive"]);
const outputsOf = async () => parseExperimentOutputs(one, await stackOutputs(one));

/** Lines of all journals of the present run that are of one type. */
async function journalled(type: string): Promise<number> {
  const { runId } = await outputsOf();
  const text = await live.onNode(server, `cat ${resultsDirectory(runId)}/block-*.ndjson 2>/dev/null || true`);
  return text.split("\n").filter((line) => line.includes(`"type":"${type}"`)).length;
}

async function benchmarkPods(): Promise<string[]> {
  return Object.keys(await live.podLives()).filter((name) => name.startsWith(`${one}/benchmark-`));
}

test.before(clear);
test.after.always(clear);

test.serial("the probe samples every node once a second, and tells its last sample", async (t) => {
  parts = await raiseTwin({ stack: site, directory: live.twinDirectory, experiments: [one], steps: new Steps() });
  await bringUp([site], options);
  for (const node of [server, agent])
    await live.eventually(`the probe samples ${node}`, 60, async () => {
      const lines = (await live.onNode(node, "cat /var/lib/bramble/probe/*.ndjson")).trimEnd().split("\n");
      const samples = lines.map((line) => JSON.parse(line) as { at: number; cpu: number | null });
      return samples.length > 3 && samples.some(({ cpu }) => cpu !== null);
    });
  const { probes } = (await stackOutputs(site)) as { probes: Record<string, string> };
  const asked = `import json, urllib.request as r; print(json.load(r.urlopen("${probes[agent] ?? ""}"))["memory"]["total"])`;
  t.true(Number(await live.onNode(server, `python3 -c '${asked}'`)) > 1e9);
});

test.serial("what the registry has is what the experiment locks", async (t) => {
  const registries = new Registries(defaultPatience, never);
  const { reference, digest } = parts.model;
  const [found] = await askModels([reference], { schema: 1, models: {} }, `http://${parts.modelRegistry}`, registries);
  t.is(found?.now.digest, digest);
});

test.serial(
  "a model that is too large for its server, or locked nowhere, stops the preview with its name",
  async (t) => {
    const refused = async (change: Record<string, unknown>, message: RegExp) => {
      await ensureStack(one, "experiment", sweep());
      setStackKey(one, "experiment", { ...sweep(), ...change });
      const error = await t.throwsAsync(pulumi(["preview", "--stack", one, "--non-interactive"]));
      t.regex(error.message, message);
    };
    await refused({ models: { gemma: { reference: "qwen3:8b" } } }, /models\.lock\.json: qwen3:8b is not locked/);
    const locked = { gemma: { reference: "qwen3:8b", digest: parts.model.digest } };
    await refused({ models: locked }, /qwen3:8b of test-threads-1: weights 49\d\d MiB.*or another node/s);
    setStackKey(one, "experiment", sweep());
  },
);

test.serial(
  "a measurement that is paused stops, and resumed goes on where it was: nothing is lost or done twice",
  async (t) => {
    await update(one);
    await live.eventually("some runs have ended", 240, async () => (await journalled("run-end")) >= 2);
    await changeExperiment(one, "pause");
    await update(one);
    await live.eventually("the benchmark's pod is gone", 90, async () => (await benchmarkPods()).length === 0);
    const before = await journalled("run-end");
    const { plan, runId } = await outputsOf();
    t.true(before < plannedRuns(plan).length * plan.blocks);
    await changeExperiment(one, "resume");
    await bringUp([one], options);

    const { manifest, blocks, samples } = await openSealedRun(resultsLayout(), one);
    t.is(manifest.runId, runId);
    t.deepEqual(
      [...blocks.values()].map(({ state, runs }) => [state, runs.length]),
      [0, 1].map(() => ["complete", plannedRuns(plan).length]),
    );
    t.true([...blocks.values()].some(({ attempts }) => attempts > 1));
    t.true((samples.get(agent)?.length ?? 0) > 10);
  },
);

test.serial(
  "each load is what it says: arrivals when they are due, users at once, a cold model loaded anew",
  async (t) => {
    const { blocks, manifest, measurement } = await openSealedRun(resultsLayout(), one);
    const layout = resultsLayout();
    const runs = [...blocks.keys()].flatMap((block) => {
      const text = readFileSync(join(layout.sealed(one, measurement), rawPath(block)), "utf8");
      return parseJournal(text, { runId: manifest.runId, plan: manifest.plan, block }).runs;
    });
    const requests = (scenario: string): RequestRecord[] =>
      runs.filter((run) => run.scenario === scenario).flatMap((run) => run.requests);
    for (const [scenario, { load }] of Object.entries(manifest.plan.scenarios))
      for (const { outcome, scheduled, error } of requests(scenario)) {
        t.is(outcome, "ok", `${scenario}: ${error}`);
        t.is(scheduled === null, load.kind === "closed", scenario);
      }
    // Seconds against milliseconds; the median, since a busy machine makes a single one slow.
    const usualLoad = (scenario: string) => median(requests(scenario).map(({ ollama }) => ollama.load ?? 0));
    t.true(usualLoad("cold") > usualLoad("users"), "loading takes longer than finding it loaded");
    t.is(requests("reference").length, 2);
    t.true(requests("answers").every(({ answer }) => answer !== null));
    t.true(requests("users").every(({ answer }) => answer === null));
  },
);

test.serial(
  "what came of it is summed up: a score for each variant, the node's load, and nothing that speaks against a run",
  async (t) => {
    const summaries = summarize(await openSealedRun(resultsLayout(), one));
    const answers = summaries.filter(({ scenario }) => scenario === "answers");
    t.deepEqual(
      answers.map(({ variant, score }) => [variant, score?.asked]),
      [
        ["format", 6],
        ["none", 6],
      ],
    );
    for (const { cpu, memory, invalid } of summaries) {
      t.deepEqual(invalid, []);
      t.true(cpu !== null && cpu > 0 && memory !== null && memory > 0);
    }
  },
);

test.serial("measured again it is another series, and cancelled it keeps what there is", async (t) => {
  const { runId } = await outputsOf();
  await changeExperiment(one, "again");
  await update(one);
  await live.eventually("a run of the new series has ended", 240, async () => (await journalled("run-end")) >= 1);
  await changeExperiment(one, "cancel");
  await bringUp([one], options);
  t.is((stackKey(one, "experiment") as { series: number }).series, 2);
  const { manifest } = await openSealedRun(resultsLayout(), one);
  t.not(manifest.runId, runId);
  t.true(manifest.blocks.some(({ state }) => state !== "sealed"));
});

test.serial("down leaves nothing behind", async (t) => {
  await downTwin(live.twinDirectory);
  t.deepEqual(await leftovers(live.twinDirectory), []);
});
