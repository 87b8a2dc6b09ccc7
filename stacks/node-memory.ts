import * as pulumi from "@pulumi/pulumi";
import type { Site } from "./config/site.ts";
import type { Tenants } from "./experiment-fit.ts";
import { siblingExperiments } from "./sibling-experiments.ts";

/** What pods can't have of each node's memory. */
export function reservedMegabytes({ reserved, eviction }: Site["k3s"]): number {
  return reserved.memoryMegabytes + eviction.memoryMegabytes;
}

/** Bytes of memory that pods can have on each node; a node whose memory is not known is left out. */
export function allocatableBytes(
  memoryMegabytes: Readonly<Record<string, number | null | undefined>>,
  reserved: number,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(memoryMegabytes).flatMap(([node, memory]) =>
      memory == null ? [] : [[node, (memory - reserved) * 1024 ** 2]],
    ),
  );
}

/**
 * What the experiments of a site load on its nodes; warns of those of which nobody knows it.
 * @param own the stack that asks; @param site the site's stack
 */
export function experimentTenants(own: string, site: string): readonly Tenants[] {
  const { tenants, unknown } = siblingExperiments(own, site);
  if (unknown.length > 0)
    void pulumi.log.warn(`what ${unknown.join(", ")} would load is not known, and not counted: mend their stack files`);
  return tenants;
}
