import { catalogue } from "../workloads/ollama/catalogue.ts";
import { describeMisfit, demandOf, fitOf, type Tenant } from "../workloads/ollama/fit.ts";
import type { Plan } from "../workloads/benchmark/plan.ts";
import type { LockedModel } from "./locked-models.ts";
import { UserError } from "./user-error.ts";

const mebibyte = 1024 ** 2;

/** What an experiment's servers load, node by node. */
export type Tenants = Readonly<Record<string, readonly Tenant[]>>;

/**
 * What the servers of an experiment may have loaded at once on each of its nodes: of the models that its variants name there
 * the largest, as many as a server keeps loaded, each with the longest context that a variant gives it.
 */
export function tenantsOf(
  owner: string,
  { nodes, variants, reference, server }: Pick<Plan, "nodes" | "variants" | "reference" | "server">,
  models: Readonly<Record<string, LockedModel>>,
): Tenants {
  const all = [...Object.values(variants), ...(reference === null ? [] : [reference.variant])];
  return Object.fromEntries(
    nodes.models.map((node) => {
      const longest = new Map<string, Tenant>();
      for (const { model, context } of all.filter((variant) => variant.node === node)) {
        const locked = models[model];
        if (locked === undefined || (longest.get(model)?.context ?? 0) >= context) continue;
        const entry = catalogue[locked.reference];
        const { parallel, kvCache, promptCache } = server;
        longest.set(model, {
          ...{ owner, reference: locked.reference, entry, weights: locked.bytes ?? entry?.bytes ?? null },
          ...{ context, parallel, kvCache, promptCache: promptCache * mebibyte },
        });
      }
      const largest = [...longest.values()].sort((a, b) => demandOf(b).known - demandOf(a).known);
      return [node, largest.slice(0, server.maxLoaded)];
    }),
  );
}

/**
 * Checks that what would be loaded fits: on each node beside everything else that lives there, and into the limit of each of the
 * experiment's own servers.
 * @param others what lives there beside it
 * @param allocatable bytes of memory that pods can have on a node; a node that is not in it is not known, and not checked
 * @param limit the experiment's `memory`, "<n>Mi"
 * @throws UserError with the numbers, and what would fit
 */
export function checkFit(
  own: Tenants,
  others: readonly Tenants[],
  allocatable: Readonly<Record<string, number>>,
  limit: string,
): void {
  const problems = Object.entries(own).flatMap(([node, tenants]) => {
    const server = fitOf(Number.parseInt(limit, 10) * mebibyte, tenants);
    if (!server.fits) return [describeMisfit(`the server on ${node}, whose memory is limited to ${limit},`, server)];
    return nodeMisfit(node, tenants, others, allocatable) ?? [];
  });
  if (problems.length > 0)
    throw new UserError({
      what: problems.join("\n"),
      where: "bramble:experiment",
      next: "lower variants.context or server.parallel, take smaller models, raise memory, or use another node",
    });
}

/** Why tenants do not fit onto a node beside the others there, in words; undefined where they fit, or its memory is not known. */
export function nodeMisfit(
  node: string,
  tenants: readonly Tenant[],
  others: readonly Tenants[],
  allocatable: Readonly<Record<string, number>>,
): string | undefined {
  const whole = fitOf(allocatable[node] ?? Infinity, [...others.flatMap((one) => one[node] ?? []), ...tenants]);
  return whole.fits ? undefined : describeMisfit(node, whole);
}
