import { z } from "zod";
import { measurementLease } from "../../workloads/benchmark/lease.ts";
import { servingNamespace } from "../../workloads/serving/namespace.ts";
import { findAddressConflicts } from "./address-conflicts.ts";
import type { Conflict } from "./conflict.ts";
import { findK3sConflicts } from "./k3s-conflicts.ts";
import { readLeniently, type LenientSite } from "./lenient-site.ts";
import { findRangeConflicts } from "./range-conflicts.ts";
import { findModelConflicts, serving, siteModels, siteRegistry } from "./site-models.ts";

const ownNamespaces: readonly string[] = [measurementLease.namespace, servingNamespace];

/** Errors that lie between values of `bramble:site`, found also when other values are wrong, so that all are told at once. */
export function findSiteConflicts(value: unknown): Conflict[] {
  const site = readLeniently(value);
  if (site === undefined) return [];
  return [
    ...findServerConflicts(site),
    ...findAddressConflicts(site),
    ...findNetworkConflicts(site),
    ...findImageConflicts(site),
    ...findRangeConflicts(site),
    ...findK3sConflicts(site),
    ...findExperimentConflicts(site),
    ...findServingConflicts(site, value),
  ];
}

function findServerConflicts({ nodes }: LenientSite): Conflict[] {
  const count = Object.values(nodes).filter(({ role }) => role === "server").length;
  if (count === 1 || count === 3) return [];
  const why =
    count === 2
      ? ": etcd needs more than half of its members, so the loss of either would stop the cluster"
      : count > 3
        ? ": more make etcd slower, and Bramble knows none with more; make the others agents"
        : "";
  return [{ path: ["nodes"], message: `must hold one node with role server, or three, not ${count}${why}` }];
}

/** Parts of the network that need one another. */
function findNetworkConflicts({ network, nodes }: LenientSite): Conflict[] {
  const missing = (path: (string | number)[], why: string) => ({ path, message: `is missing; ${why}` });
  const { method = "static", gateway, prefix, ipv6: six, wifi } = network;
  const conflicts: Conflict[] = [];
  if (method === "static" && prefix === undefined)
    conflicts.push(missing(["network", "prefix"], "static addresses need it, for example 24"));
  if (method === "static" && gateway === undefined)
    conflicts.push(missing(["network", "gateway"], "static addresses need it: the default route"));
  const static6 = six?.method === "static";
  if (static6 && six.prefix === undefined)
    conflicts.push(missing(["network", "ipv6", "prefix"], "static addresses need it, for example 64"));
  for (const [name, node] of Object.entries(nodes)) {
    if (static6 && node.address6 === undefined)
      conflicts.push(missing(["nodes", name, "address6"], "network.ipv6 is static"));
    if (!static6 && node.address6 !== undefined)
      conflicts.push({ path: ["nodes", name, "address6"], message: "counts only where network.ipv6 is static" });
    if (node.wifi === true && wifi === undefined)
      conflicts.push({ path: ["nodes", name, "wifi"], message: "network.wifi is missing, which this node would join" });
  }
  return conflicts;
}

function findImageConflicts({ images, nodes }: LenientSite): Conflict[] {
  return images.flatMap((image, index) =>
    (image.nodes ?? []).flatMap((name, position) =>
      Object.hasOwn(nodes, name)
        ? []
        : [{ path: ["images", index, "nodes", position], message: `there is no node ${name} in this site` }],
    ),
  );
}

/** An experiment's namespace has its name: it takes one of its own. */
function findExperimentConflicts({ experiments }: LenientSite): Conflict[] {
  return experiments.flatMap((name, index) => {
    if (name === undefined) return [];
    const conflict = (message: string) => [{ path: ["experiments", index], message }];
    if (experiments.indexOf(name) < index) return conflict(`${name} is listed twice`);
    if (name === "default" || name.startsWith("kube-"))
      return conflict(`${name} is a namespace of Kubernetes itself; give the stack another name`);
    return ownNamespaces.includes(name)
      ? conflict(`${name} is the site's own namespace; give the stack another name`)
      : [];
  });
}

const servingParts = z.object({
  models: siteModels.optional(),
  serving: serving.optional(),
  registry: siteRegistry.optional(),
  modelRegistry: z.unknown().optional(),
});

/** Only where all parts have the right form: one that is wrong is not one that is missing. */
function findServingConflicts({ nodes }: LenientSite, value: unknown): Conflict[] {
  const { data } = servingParts.safeParse(value);
  return data === undefined ? [] : findModelConflicts({ nodes, ...data });
}
