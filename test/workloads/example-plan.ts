import type { Plan } from "../../workloads/benchmark/plan.ts";

/** A plan with everything in it, for golden files. `runner` is given: it follows the runner's source. */
export function examplePlan(runner: string): Plan {
  return {
    schema: 1,
    series: 1,
    model: { reference: "gemma3:270m", digest: `sha256:${"5".repeat(64)}` },
    images: {
      ollama: "docker.io/bramble/ollama:0.17.4-000000000000",
      runner: "docker.io/bramble/node:24-111111111111",
    },
    nodes: { model: "pi2", runner: "pi1" },
    variants: { "threads-2": { threads: 2, context: 1024 } },
    scenarios: {
      report: { prompts: "field-report", requests: 5, warmup: 1, maxTokens: 64 },
      question: { prompts: "network-operations", requests: 5, warmup: 1, maxTokens: 128 },
    },
    prompts: { "field-report": ["Summarise this."], "network-operations": ["Why?", "How?"] },
    blocks: 6,
    seed: 1,
    primary: "decode-rate",
    runner,
  };
}
