import { createHash } from "node:crypto";

/** How a run's requests follow each other: `users` ask one after the other each, or requests come when they are due, whatever is still being answered. */
export type Load =
  | { readonly kind: "closed"; readonly users: number; readonly requests: number }
  /** Requests per second, evenly apart or at random (a Poisson process). */
  | { readonly kind: "constant" | "poisson"; readonly rate: number; readonly requests: number }
  /** `size` requests at once, every `interval` seconds. */
  | { readonly kind: "burst"; readonly size: number; readonly interval: number; readonly requests: number };

/** How Ollama serves in a run: one value of each dimension that an experiment sweeps. */
export interface Variant {
  /** Name of one of the plan's models. */
  readonly model: string;
  /** The node that serves. */
  readonly node: string;
  /** num_thread, sent with each request, since Ollama reads it from nowhere else. */
  readonly threads: number;
  /** num_ctx in tokens, sent with each request too. */
  readonly context: number;
  /** Name of one of the plan's combinations of prompt modules; null: the bare task. */
  readonly modules: string | null;
}

/** What a variant is asked: the prompts of a set, or the items of a suite whose answers can be scored. */
export interface Scenario {
  /** Name of a prompt set; null where a suite is asked. */
  readonly prompts: string | null;
  /** Name of an accuracy suite; null where prompts are asked. */
  readonly suite: string | null;
  readonly warmup: number;
  /** num_predict */
  readonly maxTokens: number;
  /** The model is unloaded before each request, so that its loading is measured too. */
  readonly cold: boolean;
  readonly load: Load;
}

/** What an Ollama server reads of its settings from its environment, once, when it starts. */
export interface ServerSettings {
  /** OLLAMA_NUM_PARALLEL: requests that a loaded model answers at once; each has a context of its own. */
  readonly parallel: number;
  /** OLLAMA_MAX_LOADED_MODELS */
  readonly maxLoaded: number;
  /** OLLAMA_KEEP_ALIVE: how long a model stays loaded that nobody asks; "-1" is for ever. */
  readonly keepAlive: string;
  /** OLLAMA_KV_CACHE_TYPE */
  readonly kvCache: "f16" | "q8_0" | "q4_0";
  /** OLLAMA_FLASH_ATTENTION, without which Ollama ignores the cache's type. */
  readonly flashAttention: boolean;
  /**
   * LLAMA_ARG_CACHE_RAM in MiB: what earlier prompts may keep in memory beside the KV cache. Only lines of Ollama that run
   * an external llama-server read it, and there it is 8 GiB where nothing is said (ollama/ollama#18264).
   */
  readonly promptCache: number;
}

/** Prompt modules around a task, as text. */
export interface ModuleCombination {
  readonly hash: string;
  readonly before: string;
  readonly after: string;
}

/** A question whose answer is scored after the measurement. */
export interface SuiteItem {
  readonly id: string;
  readonly kind: string;
  /** As it is asked, choices included. */
  readonly prompt: string;
  /** Read by workloads/accuracy; the runner passes it by. */
  readonly scorer: unknown;
}

/** What a comparison can decide on. */
export type PrimaryMetric = "decode-rate" | "time-to-first-token" | "end-to-end";

/**
 * Everything that decides what a benchmark measures, and nothing else (no addresses, no names of stacks): two sites
 * that run equal plans measure the same thing. The runner reads it as plan.json.
 */
export interface Plan {
  readonly schema: 3;
  readonly series: number;
  readonly models: Readonly<Record<string, { readonly reference: string; readonly digest: string }>>;
  readonly images: { readonly ollama: string; readonly runner: string };
  readonly nodes: { readonly models: readonly string[]; readonly runner: string };
  /** How all its Ollama servers are set, alike for all variants. */
  readonly server: ServerSettings;
  readonly variants: Readonly<Record<string, Variant>>;
  readonly scenarios: Readonly<Record<string, Scenario>>;
  /** The prompt sets that the scenarios name. */
  readonly prompts: Readonly<Record<string, readonly string[]>>;
  /** The suites, or the samples of suites, that the scenarios name. */
  readonly suites: Readonly<Record<string, readonly SuiteItem[]>>;
  /** The combinations of prompt modules that the variants name. */
  readonly modules: Readonly<Record<string, ModuleCombination>>;
  /** One run that every block has besides the others: shows drift, and ties separate sessions together. */
  readonly reference: { readonly variant: Variant; readonly scenario: Scenario } | null;
  /** Before each run the serving node is waited for until it is this cool (degrees Celsius), or the limit (seconds) is reached. */
  readonly coolDown: { readonly below: number; readonly limit: number } | null;
  readonly blocks: number;
  readonly seed: number;
  /** The one or two metrics that a comparison decides on; all else describes. */
  readonly primary: readonly PrimaryMetric[];
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
