import { createHash } from "node:crypto";

/** How Ollama serves the model in a run; sent with each request, since it reads these from nowhere else. */
export interface Variant {
  readonly threads: number;
  /** num_ctx in tokens */
  readonly context: number;
}

export interface Scenario {
  /** Name of the prompt set. */
  readonly prompts: string;
  readonly requests: number;
  readonly warmup: number;
  /** num_predict */
  readonly maxTokens: number;
}

/**
 * Everything that decides what a benchmark measures, and nothing else (no addresses, no names of stacks): two sites
 * that run equal plans measure the same thing. The runner reads it as plan.json.
 */
export interface Plan {
  readonly schema: 1;
  readonly series: number;
  readonly model: { readonly reference: string; readonly digest: string };
  readonly images: { readonly ollama: string; readonly runner: string };
  readonly nodes: { readonly model: string; readonly runner: string };
  readonly variants: Readonly<Record<string, Variant>>;
  readonly scenarios: Readonly<Record<string, Scenario>>;
  /** The prompt sets that the scenarios name. */
  readonly prompts: Readonly<Record<string, readonly string[]>>;
  readonly blocks: number;
  readonly seed: number;
  readonly primary: "decode-rate" | "time-to-first-token" | "end-to-end";
  /** SHA-256 of the runner's source. */
  readonly runner: string;
}

/** Keys sorted at every level, so that equal plans are equal text on any machine. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** The run-id: 12 hexadecimal digits of the plan's digest. A new series is a new run-id; nothing else makes a plan run again. */
export function runIdOf(plan: Plan): string {
  return createHash("sha256").update(canonicalJson(plan)).digest("hex").slice(0, 12);
}
