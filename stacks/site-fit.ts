import type { Site } from "./config/site.ts";
import { nodeMisfit } from "./experiment-fit.ts";
import { allocatableBytes, experimentTenants, reservedMegabytes } from "./node-memory.ts";
import type { Observation } from "./nodes/observe.ts";
import { NodeUnavailable } from "./remote/node-unavailable.ts";
import { servedTenants } from "./serving-plan.ts";
import { UserError } from "./user-error.ts";
import type { ModelLock } from "../workloads/ollama/model-lock.ts";

/**
 * Checks that the models which the site serves fit onto its nodes, beside what its experiments load there.
 * Nodes that did not answer are not known, and not checked.
 * @throws UserError with the numbers, and what would fit
 */
export function checkSiteFit(
  site: Site,
  lock: ModelLock,
  observations: ReadonlyMap<string, Observation>,
  stack: string,
): void {
  const own = Object.entries(servedTenants(site, lock));
  if (own.length === 0) return;
  const memory = Object.fromEntries(
    [...observations].map(([node, seen]) => [
      node,
      seen instanceof NodeUnavailable ? null : seen.facts.memoryMegabytes,
    ]),
  );
  const allocatable = allocatableBytes(memory, reservedMegabytes(site.k3s));
  const others = experimentTenants(stack, stack);
  const problems = own.flatMap(([node, tenants]) => nodeMisfit(node, tenants, others, allocatable) ?? []);
  if (problems.length > 0)
    throw new UserError({
      what: problems.join("\n"),
      where: "bramble:site, models",
      next: "lower context or parallel, take smaller models, use another node, or change the experiments",
    });
}
