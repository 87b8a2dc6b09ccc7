import { BlockList, isIP } from "node:net";

/** A range of addresses, as in 10.42.0.0/16. */
export interface AddressRange {
  readonly address: string;
  readonly prefix: number;
  readonly family: "IPv4" | "IPv6";
}

/** @returns undefined for a text that is no range */
export function parseRange(text: string): AddressRange | undefined {
  const [, address = "", digits] = /^([0-9a-fA-F.:]+)\/(0|[1-9][0-9]{0,2})$/.exec(text) ?? [];
  const version = isIP(address);
  const range = { address, prefix: Number(digits), family: version === 6 ? "IPv6" : "IPv4" } as const;
  return version === 0 || range.prefix > bitsOf(range) ? undefined : range;
}

/** How many addresses lie in a range, as a power of two. */
export function sizeInBits(range: AddressRange): number {
  return bitsOf(range) - range.prefix;
}

/** Whether an address, of either family, lies in a range. */
export function contains({ address, prefix, family }: AddressRange, other: string): boolean {
  const version = isIP(other);
  if (version !== (family === "IPv6" ? 6 : 4)) return false;
  const list = new BlockList();
  list.addSubnet(address, prefix, version === 6 ? "ipv6" : "ipv4");
  return list.check(other, version === 6 ? "ipv6" : "ipv4");
}

/** Whether two ranges have an address in common: then one holds the other whole. */
export function overlap(one: AddressRange, other: AddressRange): boolean {
  return contains(one, other.address) || contains(other, one.address);
}

export function formatRange({ address, prefix }: AddressRange): string {
  return `${address}/${prefix}`;
}

function bitsOf({ family }: Pick<AddressRange, "family">): number {
  return family === "IPv6" ? 128 : 32;
}
