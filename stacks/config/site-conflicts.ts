import { z } from "zod";
import { ipv4, ipv6 } from "./fields.ts";

/** What the checks below look at, where it has the right type; the schema itself reports what has not. */
const lenientSite = z.object({
  network: z
    .object({
      method: z.string().optional().catch(undefined),
      gateway: ipv4.optional().catch(undefined),
      prefix: z.number().optional().catch(undefined),
      ipv6: z
        .object({
          method: z.string().optional().catch(undefined),
          prefix: z.unknown().optional(),
          gateway: z.unknown().optional(),
        })
        .optional()
        .catch(undefined),
      wifi: z.unknown().optional(),
    })
    .catch({}),
  nodes: z
    .record(
      z.string(),
      z
        .object({
          role: z.string().optional().catch(undefined),
          address: ipv4.optional().catch(undefined),
          address6: ipv6.optional().catch(undefined),
          wifi: z.boolean().optional().catch(undefined),
        })
        .catch({}),
    )
    .catch({}),
  images: z.array(z.object({ nodes: z.array(z.string()).optional().catch(undefined) }).catch({})).catch([]),
});

export interface Conflict {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Errors that lie between values of `bramble:site`, found also when other values are wrong, so that all are told at once. */
export function findSiteConflicts(value: unknown): Conflict[] {
  const site = lenientSite.safeParse(value).data;
  if (site === undefined) return [];
  const { nodes, images, network } = site;
  const conflicts: Conflict[] = [];
  const servers = Object.values(nodes).filter(({ role }) => role === "server").length;
  if (servers !== 1)
    conflicts.push({ path: ["nodes"], message: `must hold exactly one node with role server, not ${servers}` });

  const owners = new Map<string, string>();
  if (network.gateway !== undefined) owners.set(network.gateway, "the gateway");
  for (const [name, { address }] of Object.entries(nodes)) {
    if (address === undefined) continue;
    const path = ["nodes", name, "address"];
    const owner = owners.get(address);
    if (owner !== undefined) conflicts.push({ path, message: `${address} is already the address of ${owner}` });
    owners.set(address, name);
    const { gateway, prefix } = network;
    if (gateway !== undefined && prefix !== undefined && subnetOf(address, prefix) !== subnetOf(gateway, prefix))
      conflicts.push({ path, message: `${address} is not in the gateway's subnet ${gateway}/${prefix}` });
  }

  conflicts.push(...findNetworkConflicts(site));

  for (const [index, image] of images.entries())
    for (const [position, name] of (image.nodes ?? []).entries())
      if (!(name in nodes))
        conflicts.push({
          path: ["images", index, "nodes", position],
          message: `there is no node ${name} in this site`,
        });
  return conflicts;
}

/** Parts of the network that need one another. */
function findNetworkConflicts({ network, nodes }: z.output<typeof lenientSite>): Conflict[] {
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

/** The number of the subnet that an address lies in, among all subnets of that prefix length. */
function subnetOf(address: string, prefix: number): number {
  const bits = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return Math.floor(bits / 2 ** (32 - prefix));
}
