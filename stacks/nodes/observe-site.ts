import type { Site } from "../config/site.ts";
import type { SiteKeys } from "../keys/site-keys.ts";
import { endpointOf } from "../remote/site-endpoint.ts";
import { observe, type Observation } from "./observe.ts";

/** Reads all nodes of a site at once, so that one that is silent costs no more than the time limit. */
export async function observeSite(site: Site, keys: SiteKeys): Promise<ReadonlyMap<string, Observation>> {
  return new Map(
    await Promise.all(
      Object.keys(site.nodes).map(
        async (name) => [name, await observe(endpointOf(site, name, keys), site.timeouts.probe)] as const,
      ),
    ),
  );
}
