import type { Plan, Scenario, ServerSettings, Variant } from "../../workloads/benchmark/plan.ts";

export const exampleVariant: Variant = { model: "gemma", node: "pi2", threads: 2, context: 1024, modules: null };

export const exampleServer: ServerSettings = {
  ...{ parallel: 1, maxLoaded: 1, keepAlive: "-1", kvCache: "f16", flashAttention: false, promptCache: 0 },
};

/** One user who asks five prompts of a set. */
export const exampleScenario: Scenario = {
  prompts: "field-report",
  suite: null,
  warmup: 1,
  maxTokens: 64,
  cold: false,
  load: { kind: "closed", users: 1, requests: 5 },
};

/** A plan with everything in it, for golden files. `runner` is given: it follows the runner's source. */
export function examplePlan(runner: string): Plan {
  return {
    schema: 3,
    series: 1,
    models: { gemma: { reference: "gemma3:270m", digest: `sha256:${"5".repeat(64)}` } },
    images: {
      ollama: "docker.io/bramble/ollama:0.17.4-000000000000",
      runner: "docker.io/bramble/node:24-111111111111",
    },
    nodes: { models: ["pi2"], runner: "pi1" },
    server: exampleServer,
    variants: { base: exampleVariant },
    scenarios: {
      report: { ...exampleScenario, prompts: "field-report", maxTokens: 64 },
      question: { ...exampleScenario, prompts: "network-operations", maxTokens: 128 },
    },
    prompts: { "field-report": ["Summarise this."], "network-operations": ["Why?", "How?"] },
    suites: {},
    modules: {},
    reference: null,
    coolDown: null,
    blocks: 6,
    seed: 1,
    primary: ["decode-rate"],
    runner,
  };
}
