import { isIP } from "node:net";
import { contains, formatRange } from "./address-range.ts";
import type { Conflict } from "./conflict.ts";
import type { LenientSite } from "./lenient-site.ts";
import { subnetsOf } from "./subnets.ts";

/** Addresses that are taken twice, or lie where nobody finds them. */
export function findAddressConflicts(site: LenientSite): Conflict[] {
  const { network, nodes, k3s } = site;
  const [subnet] = subnetsOf(site.network).filter(({ family }) => family === "IPv4");
  const owners = new Map<string, string>();
  for (const gateway of [network.gateway, network.ipv6?.gateway])
    if (gateway !== undefined) owners.set(canonical(gateway), "the gateway");
  const conflicts: Conflict[] = [];
  const claim = (path: Conflict["path"], address: string, name: string) => {
    const owner = owners.get(canonical(address));
    if (owner !== undefined) conflicts.push({ path, message: `${address} is already the address of ${owner}` });
    else owners.set(canonical(address), name);
  };
  for (const [name, { address, address6 }] of Object.entries(nodes)) {
    if (address !== undefined) {
      const path = ["nodes", name, "address"];
      claim(path, address, name);
      if (subnet !== undefined && !contains(subnet, address))
        conflicts.push({ path, message: `${address} is not in the gateway's subnet ${formatRange(subnet)}` });
    }
    if (address6 !== undefined) claim(["nodes", name, "address6"], address6, name);
  }
  const virtual = k3s.kubeVip?.address;
  if (virtual !== undefined) {
    claim(["k3s", "kubeVip", "address"], virtual, "kube-vip");
    conflicts.push(...findPlaceConflicts(site, virtual));
  }
  return [...conflicts, ...findApiConflicts(site)];
}

/** kube-vip announces its address on the servers' own network, where the others must look for it. */
function findPlaceConflicts(site: LenientSite, address: string): Conflict[] {
  const path = ["k3s", "kubeVip", "address"];
  const family = isIP(address) === 6 ? "IPv6" : "IPv4";
  if (family === "IPv6" && site.network.ipv6 === undefined)
    return [{ path, message: `${address} is an IPv6 address, and the nodes have none: network.ipv6 is missing` }];
  return subnetsOf(site.network)
    .filter((subnet) => subnet.family === family && !contains(subnet, address))
    .map((subnet) => ({ path, message: `${address} is not in the nodes' subnet ${formatRange(subnet)}` }));
}

function findApiConflicts({ nodes, k3s: { apiAddress, kubeVip } }: LenientSite): Conflict[] {
  if (apiAddress === undefined || isIP(apiAddress) === 0) return [];
  const path = ["k3s", "apiAddress"];
  if (kubeVip !== undefined && canonical(apiAddress) !== canonical(kubeVip.address))
    return [
      { path, message: `is another address than kube-vip's, ${kubeVip.address}; leave it out, or give a name of it` },
    ];
  return Object.entries(nodes)
    .filter(([, { role, address }]) => role === "agent" && address === apiAddress)
    .map(([name]) => ({ path, message: `is the address of ${name}, an agent: no API answers there` }));
}

/** The same text for the same address: IPv6 has several for each. */
function canonical(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname : address;
}
