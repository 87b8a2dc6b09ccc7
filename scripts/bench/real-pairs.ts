import { rm } from "node:fs/promises";
import { join } from "node:path";
import { $ } from "zx";
import { root, stateDirectory } from "../../stacks/root.ts";
import { downTwin } from "../../twin/site.ts";
import { renderTwinExperiment, setStackKey, stackFile } from "../../twin/stack-files.ts";
import { raiseTwin } from "../lib/raise-twin.ts";
import { compareRuns } from "../lib/results/compare-runs.ts";
import { resultsLayout } from "../lib/results/layout.ts";
import { openOperands } from "../lib/results/operands.ts";
import { Steps } from "../lib/steps.ts";
import { ensureStack } from "../lib/twin-stacks.ts";
import type { Bench } from "./figure.ts";
import { rounded } from "./paired.ts";

const site = "trial-pairs";
const stacks = ["trial-pair-a", "trial-pair-b"] as const;
const directory = join(stateDirectory, "twins", site);
const state = join(stateDirectory, `state-${site}`);

const pairs = 20;
/** Six blocks are the fewest that decide, and one short scenario keeps a pair below two minutes. */
const shape = { threads: 1, blocks: 6, requests: 3, maxTokens: { short: 8, long: 8 } };

/** Pairs of stacks that differ in nothing but the series, brought up together on a twin: what a comparison says of them. */
export const benchRealPairs: Bench = async ({ report, signal, defer }) => {
  process.env.PULUMI_BACKEND_URL = `file://${state}`;
  defer(close);
  await close();
  const parts = await raiseTwin({ stack: site, directory, experiments: stacks, steps: new Steps(process.stderr) });
  await bringUp([site], signal);
  const compared = [];
  for (let round = 0; round < pairs; round += 1) {
    signal.throwIfAborted();
    for (const [turn, stack] of stacks.entries()) {
      const { scenarios, ...experiment } = renderTwinExperiment(site, parts, shape);
      const [first] = Object.entries(scenarios as Record<string, unknown>);
      // Equal plans would be one run: the series tells them apart, and measures nothing.
      const series = round * stacks.length + turn + 1;
      const value = { ...experiment, scenarios: Object.fromEntries(first === undefined ? [] : [first]), series };
      await ensureStack(stack, "experiment", value);
      setStackKey(stack, "experiment", value);
    }
    await bringUp(stacks, signal);
    const operands = await openOperands(resultsLayout(), stacks);
    const { comparison } = compareRuns(operands, { allow: [], margin: 0.05, paper: false });
    const [pair] = comparison.pairs;
    const [decision] = pair?.decisions ?? [];
    if (pair === undefined || decision === undefined) throw new Error("nothing was compared");
    const { verdict, beyondNoise, p, detectable, effect } = decision;
    compared.push({ evidence: pair.evidence, verdict, beyondNoise, p, detectable, ...effect });
    console.error(`pair ${round + 1} of ${pairs}: ${decision.sentence}`);
  }
  const beyond = compared.filter(({ beyondNoise }) => beyondNoise).length;
  report({
    ...{ name: "real-aa-pairs", value: rounded(beyond / pairs), unit: "share", baseline: null, ratio: null },
    of: "pairs of equal stacks beyond noise",
    ...{ beyondNoise: beyond, pairs, blocks: shape.blocks, compared },
  });
};

/** In a process of its own, since it tells on stdout what it does, where the figures go. */
async function bringUp(names: readonly string[], signal: AbortSignal): Promise<void> {
  const { exitCode, stderr } = await $({
    ...{ cwd: root, signal, nothrow: true, quiet: true },
    stdio: ["ignore", 2, 2],
  })`${process.execPath} scripts/up.ts ${names}`;
  if (exitCode !== 0) throw new Error(`npm run up -- ${names.join(" ")} failed: ${stderr}`);
}

/** Removes the twin, the stacks and their state; the results stay. */
async function close(): Promise<void> {
  await downTwin(directory);
  for (const stack of [site, ...stacks]) await rm(stackFile(stack), { force: true });
  await rm(state, { recursive: true, force: true });
}
