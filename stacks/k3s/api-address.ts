import { firstServer, serversOf, type Site } from "../config/site.ts";
import type { Observation } from "../nodes/observe.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";

/**
 * Where the cluster's API is reached: the address that the configuration gives it, else that of the first server that is known
 * to work, else of the first one.
 */
export function apiAddressOf(site: Site, observations: ReadonlyMap<string, Observation>): string {
  const given = site.k3s.apiAddress ?? site.k3s.kubeVip?.address;
  if (given !== undefined) return given;
  const works = (node: string) => {
    const observation = observations.get(node);
    return observation !== undefined && !(observation instanceof NodeUnavailable) && observation.k3s.unit === "active";
  };
  return (serversOf(site).find(({ name }) => works(name)) ?? firstServer(site)).node.address;
}
