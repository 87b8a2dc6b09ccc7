import { promptOf } from "../workloads/accuracy/item.ts";
import { loadSuite, sampleItems } from "../workloads/accuracy/suite.ts";
import {
  canonicalJson,
  type Load,
  type ModuleCombination,
  type Plan,
  type SuiteItem,
} from "../workloads/benchmark/plan.ts";
import type { RunnerFiles } from "../workloads/benchmark/runner-files.ts";
import { combinationNames, combinationOf, loadPromptModules } from "../workloads/prompts/prompt-modules.ts";
import { loadPromptSet } from "../workloads/prompts/prompt-set.ts";
import type { Experiment, Scenario } from "./config/experiment.ts";
import { variantsOf } from "./experiment-variants.ts";
import { UserError } from "./user-error.ts";

/** Bytes that a plan may take of its ConfigMap (Kubernetes: 1 MiB in all) beside the runner's source. */
const largestPlan = 900_000;

/**
 * Everything that decides what is measured; the run-id is its digest.
 * @param models the experiment's models with their locked digests
 * @throws UserError where a suite has fewer items than there are blocks, or the plan is too large
 */
export function planOf(config: Experiment, models: Plan["models"], runner: Pick<RunnerFiles, "digest">): Plan {
  const { series, images, nodes, server, blocks, seed, primary, coolDown } = config;
  const { names, modules } = combinationsOf(config);
  const suites = suitesOf(config);
  const reference = referenceOf(config);
  const scenarios = Object.fromEntries(
    Object.entries(config.scenarios).map(([name, scenario]) => [name, scenarioOf(scenario, suites)]),
  );
  const sets = [...Object.values(scenarios), ...(reference === null ? [] : [reference.scenario])];
  const prompts = [...new Set(sets.flatMap((scenario) => scenario.prompts ?? []))].sort();
  const plan: Plan = {
    schema: 3,
    ...{ series, models, images, nodes, server, scenarios, suites, modules, reference, blocks, seed, primary },
    variants: variantsOf(config, names),
    prompts: Object.fromEntries(prompts.map((name) => [name, loadPromptSet(name)])),
    coolDown: coolDown ?? null,
    runner: runner.digest,
  };
  const bytes = Buffer.byteLength(canonicalJson(plan));
  if (bytes > largestPlan)
    throw new UserError({
      what: `its plan is ${bytes} bytes, and a ConfigMap holds ${largestPlan} of it`,
      where: "bramble:experiment",
      next: "ask fewer items (scenarios.<name>.items), or shorter prompts",
    });
  return plan;
}

function combinationsOf({ modules: file, variants }: Experiment) {
  if (file === undefined) return { names: ["none"], modules: {} };
  const texts = loadPromptModules(file);
  const names = combinationNames(texts, variants.modules, "bramble:experiment, variants.modules");
  const modules: Record<string, ModuleCombination> = {};
  for (const name of names) {
    const combination = combinationOf(texts, name);
    if (combination !== undefined) modules[name] = combination;
  }
  return { names, modules };
}

/** The suites that scenarios name, or what a scenario asks of one, under the name "<suite>" or "<suite>#<items>". */
function suitesOf({ scenarios, blocks, seed }: Experiment): Record<string, SuiteItem[]> {
  const suites: Record<string, SuiteItem[]> = {};
  for (const [name, scenario] of Object.entries(scenarios)) {
    const { suite, items } = scenario;
    if (suite === undefined) continue;
    const all = loadSuite(suite);
    const asked = items === undefined ? all : sampleItems(all, items, seed);
    if (asked.length < blocks)
      throw new UserError({
        what: `asks ${asked.length} items, which are dealt out to ${blocks} blocks`,
        where: `bramble:experiment, scenarios.${name}`,
        next: "lower blocks, or ask more items",
      });
    suites[suiteKey(scenario)] = asked.map((item) => ({
      ...{ id: item.id, kind: item.kind, prompt: promptOf(item), scorer: item.scorer },
    }));
  }
  return suites;
}

function suiteKey({ suite = "", items }: Pick<Scenario, "suite" | "items">): string {
  const name = suite.replace(/^.*\//, "").replace(/\.jsonl$/, "");
  return items === undefined ? name : `${name}#${items}`;
}

function scenarioOf(scenario: Scenario, suites: Plan["suites"]): Plan["scenarios"][string] {
  const { prompts, suite, warmup, maxTokens, cold, load } = scenario;
  const key = suite === undefined ? null : suiteKey(scenario);
  const requests = key === null ? scenario.requests : (suites[key]?.length ?? 0);
  return { prompts: prompts ?? null, suite: key, warmup, maxTokens, cold, load: loadOf(load, requests) };
}

function loadOf(load: Scenario["load"], requests: number): Load {
  return { ...load, requests };
}

/** The reference run: on the first of the nodes that serve, with its model alone. */
function referenceOf({ reference, nodes }: Experiment): Plan["reference"] {
  if (reference === undefined) return null;
  const { model, threads, context, prompts, requests, maxTokens } = reference;
  return {
    variant: { model, node: nodes.models[0] ?? "", threads, context, modules: null },
    scenario: {
      ...{ prompts, suite: null, warmup: 1, maxTokens, cold: false },
      load: { kind: "closed", users: 1, requests },
    },
  };
}
