import { catalogue, type CatalogueEntry } from "./catalogue.ts";

/** Bytes of one value in the KV cache: blocks of 32 values, with one scale of two bytes in the quantised ones (ggml). */
const cacheBytes = { f16: 2, q8_0: 34 / 32, q4_0: 18 / 32 } as const;
/**
 * Bytes that a server takes beside weights and caches: the program, its compute buffers and what it maps. Measured for
 * gemma3:270m on a twin it was 190 MiB after one request, and over 280 MiB while several were answered (the kernel ended it
 * at a limit of 518 MiB, weights and cache being 250); larger models need larger buffers, hence the share of the weights.
 */
const overhead = { fixed: 384 * 1024 ** 2, share: 0.05 };
/** Contexts are suggested in steps of so many tokens. */
const contextStep = 256;

/** One loaded model on a node. */
export interface Tenant {
  /** Who it belongs to: "site" or the experiment's stack. */
  readonly owner: string;
  readonly reference: string;
  /** Undefined where the catalogue does not know the model: then nobody knows its KV cache. */
  readonly entry: CatalogueEntry | undefined;
  /** Bytes of weights: the lock's, else the catalogue's; null where neither has the model. */
  readonly weights: number | null;
  /** Tokens. */
  readonly context: number;
  /** Requests that are answered at once: each has a context of its own. */
  readonly parallel: number;
  readonly kvCache: keyof typeof cacheBytes;
  /** Bytes that earlier prompts may keep beside the KV cache. */
  readonly promptCache: number;
}

/** What a tenant takes, in bytes; null is not known. */
export interface Demand {
  readonly weights: number | null;
  readonly cache: number | null;
  readonly overhead: number;
  /** The sum of what is known. */
  readonly known: number;
}

/** Bytes of a model's KV cache: keys and values of each layer, over the window or the whole context. */
export function keyValueBytes(
  { layers, globalLayers, keyValueHeads, headSize, window }: CatalogueEntry,
  { context, parallel, kvCache }: Pick<Tenant, "context" | "parallel" | "kvCache">,
): number {
  const perToken = 2 * keyValueHeads * headSize * cacheBytes[kvCache];
  const local = (layers - globalLayers) * Math.min(context, window ?? context);
  return (globalLayers * context + local) * perToken * parallel;
}

export function demandOf(tenant: Tenant): Demand {
  const { entry, weights, promptCache } = tenant;
  const cache = entry === undefined ? null : keyValueBytes(entry, tenant) + promptCache;
  const beside = overhead.fixed + overhead.share * (weights ?? 0);
  return { weights, cache, overhead: beside, known: (weights ?? 0) + (cache ?? 0) + beside };
}

/** Whether everything that would live on a node fits into what pods can have of its memory. */
export interface Fit {
  readonly fits: boolean;
  /** Bytes. */
  readonly allocatable: number;
  readonly demand: number;
  readonly tenants: readonly { readonly tenant: Tenant; readonly demand: Demand }[];
  /** For a misfit: the longest context with which the last tenant would fit; null where none would. */
  readonly largestContext: number | null;
  /** For a misfit: the largest model of the same name in the catalogue, a smaller size or quantisation, that would fit as it is. */
  readonly smaller: string | null;
}

/**
 * @param allocatable bytes of memory that pods can have on the node
 * @param tenants whatever would be loaded there at once, the one that is asked about last
 */
export function fitOf(allocatable: number, tenants: readonly Tenant[]): Fit {
  const all = tenants.map((tenant) => ({ tenant, demand: demandOf(tenant) }));
  const demand = all.reduce((sum, one) => sum + one.demand.known, 0);
  const fits = demand <= allocatable;
  return {
    fits,
    allocatable,
    demand,
    tenants: all,
    largestContext: fits ? null : largestContext(allocatable, tenants),
    smaller: fits ? null : smaller(allocatable, tenants),
  };
}

function smaller(allocatable: number, tenants: readonly Tenant[]): string | null {
  const last = tenants.at(-1);
  if (last === undefined) return null;
  const others = tenants.slice(0, -1).reduce((sum, one) => sum + demandOf(one).known, 0);
  const name = last.reference.replace(/:.*$/, ":");
  const fitting = Object.entries(catalogue)
    .filter(([reference]) => reference.startsWith(name) && reference !== last.reference)
    .filter(([, entry]) => others + demandOf({ ...last, entry, weights: entry.bytes }).known <= allocatable)
    .sort(([, one], [, other]) => other.bytes - one.bytes);
  return fitting[0]?.[0] ?? null;
}

function largestContext(allocatable: number, tenants: readonly Tenant[]): number | null {
  const last = tenants.at(-1);
  if (last?.entry === undefined) return null;
  const others = tenants.slice(0, -1);
  const fits = (context: number) =>
    [...others, { ...last, context }].reduce((sum, one) => sum + demandOf(one).known, 0) <= allocatable;
  for (let context = Math.floor((last.context - 1) / contextStep) * contextStep; context > 0; context -= contextStep)
    if (fits(context)) return context;
  return null;
}

/** A misfit in words, with its numbers and what would fit. */
export function describeMisfit(
  node: string,
  { allocatable, demand, tenants, largestContext: context, smaller: other }: Fit,
): string {
  const mebibytes = (bytes: number | null) => (bytes === null ? "unknown" : `${Math.ceil(bytes / 1024 ** 2)} MiB`);
  const lines = tenants.map(
    ({ tenant: { owner, reference, context: tokens, parallel }, demand: need }) =>
      `  - ${reference} of ${owner}: weights ${mebibytes(need.weights)}, cache ${mebibytes(need.cache)} (context ${tokens}${parallel === 1 ? "" : ` x ${parallel}`}), other ${mebibytes(need.overhead)}`,
  );
  const advice = [
    context === null
      ? "it fits with no context: take a smaller quantisation or model, or another node"
      : `a context of ${context} tokens would fit`,
    ...(other === null ? [] : [`${other} would fit`]),
  ].join("; ");
  return [`${node} has ${mebibytes(allocatable)}, and these take ${mebibytes(demand)}:`, ...lines, `  ${advice}`].join(
    "\n",
  );
}
