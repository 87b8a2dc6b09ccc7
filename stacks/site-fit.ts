import * as pulumi from "@pulumi/pulumi";
import { checkFit } from "./experiment-fit.ts";
import type { Site } from "./config/site.ts";
import { readModelLock } from "./locked-models.ts";
import type { Observation } from "./nodes/observe.ts";
import { NodeUnavailable } from "./remote/node-unavailable.ts";
import { servedTenants } from "./serving-plan.ts";
import { siblingExperiments } from "./sibling-experiments.ts";

const mebibyte = 1024 ** 2;

/**
 * Checks that the models which the site serves fit onto its nodes, beside what its experiments load there.
 * Nodes that did not answer are not known, and not checked.
 * @throws UserError with the numbers, and what would fit
 */
export function checkSiteFit(site: Site, observations: ReadonlyMap<string, Observation>, stack: string): void {
  const own = servedTenants(site, readModelLock());
  if (Object.keys(own).length === 0) return;
  const { tenants, unknown } = siblingExperiments(stack, stack);
  if (unknown.length > 0)
    void pulumi.log.warn(`what ${unknown.join(", ")} would load is not known, and not counted: mend their stack files`);
  const { reserved, eviction } = site.k3s;
  const allocatable = Object.fromEntries(
    [...observations].flatMap(([node, observation]) => {
      const memory = observation instanceof NodeUnavailable ? null : observation.facts.memoryMegabytes;
      return memory === null ? [] : [[node, (memory - reserved.memoryMegabytes - eviction.memoryMegabytes) * mebibyte]];
    }),
  );
  checkFit(own, tenants, allocatable, undefined);
}
