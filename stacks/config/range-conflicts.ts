import { contains, formatRange, overlap, parseRange, sizeInBits, type AddressRange } from "./address-range.ts";
import type { Conflict } from "./conflict.ts";
import type { LenientSite } from "./lenient-site.ts";
import { subnetsOf } from "./subnets.ts";

/** Bits of a Service range: Kubernetes takes no more than 20, and K3s puts its DNS at the tenth address. */
const serviceBits = { most: 20, least: 4 };
/** Bits of a node's part of the pods' range: /24 and /64 (kube-controller-manager, --node-cidr-mask-size-ipv4 and -ipv6). */
const nodeBits = { IPv4: 8, IPv6: 64 };
/** Kubernetes keeps no more than 2^16 such parts (pkg/controller/nodeipam/ipam/cidrset). */
const mostPartBits = 16;

interface NamedRange extends AddressRange {
  readonly setting: "clusterCidr" | "serviceCidr";
  readonly index: number;
}

/** What speaks against the ranges that pods and Services get their addresses from. */
export function findRangeConflicts(site: LenientSite): Conflict[] {
  const pods = rangesOf(site, "clusterCidr");
  const services = rangesOf(site, "serviceCidr");
  return [
    ...findFamilyConflicts(site, pods, services),
    ...findSizeConflicts(site, pods, services),
    ...[...pods, ...services].flatMap((range, index, all) => findOverlaps(site, range, all.slice(0, index))),
  ];
}

function rangesOf({ k3s }: LenientSite, setting: NamedRange["setting"]): NamedRange[] {
  return (k3s[setting] ?? []).flatMap((text, index) => {
    const range = parseRange(text);
    return range === undefined ? [] : [{ ...range, setting, index }];
  });
}

function findFamilyConflicts(
  { network }: LenientSite,
  pods: readonly NamedRange[],
  services: readonly NamedRange[],
): Conflict[] {
  const conflicts = [pods, services].flatMap((ranges): Conflict[] => {
    const [first, second] = ranges;
    if (first === undefined) return [];
    const path = ["k3s", first.setting];
    if (second?.family === first.family)
      return [{ path, message: `holds two ${first.family} ranges; dual stack takes one of IPv4 and one of IPv6` }];
    return first.family === "IPv4"
      ? []
      : [{ path, message: "must begin with an IPv4 range: the nodes' addresses are" }];
  });
  if (pods.length === 0 || services.length === 0 || conflicts.length > 0) return conflicts;
  if (pods.length !== services.length)
    conflicts.push({
      path: ["k3s", "serviceCidr"],
      message: "must hold ranges of the same families as k3s.clusterCidr: IPv4, or IPv4 and IPv6",
    });
  if (Math.max(pods.length, services.length) === 2 && network.ipv6?.method !== "static")
    conflicts.push({
      path: ["network", "ipv6"],
      message: "must be static for dual stack (k3s.clusterCidr): K3s has to know each node's IPv6 address",
    });
  return conflicts;
}

function findSizeConflicts(
  { nodes, k3s }: LenientSite,
  pods: readonly NamedRange[],
  services: readonly NamedRange[],
): Conflict[] {
  const conflicts: Conflict[] = [];
  const refuse = (range: NamedRange, message: string) =>
    conflicts.push({ path: pathOf(range), message: `${formatRange(range)} ${message}` });
  const whole = (range: AddressRange) => sizeInBits(range) + range.prefix;
  for (const range of services) {
    const [largest, smallest] = [whole(range) - serviceBits.most, whole(range) - serviceBits.least];
    if (range.prefix < largest) refuse(range, `is larger than Kubernetes takes for Services: /${largest} at most`);
    if (range.prefix > smallest) refuse(range, `is too small: K3s's own Services need a /${smallest} or larger`);
  }
  // Whoever changes the nodes' parts knows what they are doing.
  if (setsNodeParts(k3s.extra?.server["kube-controller-manager-arg"])) return conflicts;
  const count = Object.keys(nodes).length;
  for (const range of pods) {
    const part = whole(range) - nodeBits[range.family];
    const parts = part - range.prefix;
    if (parts > mostPartBits)
      refuse(range, `is larger than Kubernetes takes for pods: /${part - mostPartBits} at most`);
    else if (2 ** parts < count)
      refuse(range, `has no room for ${count} nodes: each gets a /${part}, and ${parts < 0 ? "none" : 2 ** parts} fit`);
  }
  return conflicts;
}

function setsNodeParts(given: unknown): boolean {
  return [given].flat().some((argument) => String(argument).startsWith("node-cidr-mask-size"));
}

/** What a range has in common with the network's addresses and with other ranges: packets would go the wrong way. */
function findOverlaps(site: LenientSite, range: NamedRange, others: readonly NamedRange[]): Conflict[] {
  const path = pathOf(range);
  const text = formatRange(range);
  const [other] = others.filter((candidate) => overlap(candidate, range));
  if (other !== undefined) return [{ path, message: `${text} overlaps k3s.${other.setting}'s ${formatRange(other)}` }];
  const [subnet] = subnetsOf(site.network).filter((candidate) => overlap(candidate, range));
  if (subnet !== undefined) return [{ path, message: `${text} overlaps the nodes' subnet ${formatRange(subnet)}` }];
  return ownAddresses(site)
    .filter(([, address]) => contains(range, address))
    .slice(0, 1)
    .map(([name, address]) => ({ path, message: `${text} holds the address of ${name}, ${address}` }));
}

function ownAddresses({ nodes, k3s }: LenientSite): [name: string, address: string][] {
  return [
    ...Object.entries(nodes).map(([name, { address, address6 }]) => [name, [address, address6]] as const),
    ["kube-vip", [k3s.kubeVip?.address]] as const,
    ["the API", [k3s.apiAddress]] as const,
  ].flatMap(([name, addresses]) =>
    addresses.flatMap((address): [string, string][] => (address === undefined ? [] : [[name, address]])),
  );
}

function pathOf({ setting, index }: NamedRange): Conflict["path"] {
  return ["k3s", setting, index];
}
