import { parseRange, type AddressRange } from "./address-range.ts";

interface Subnet {
  readonly gateway?: string | undefined;
  readonly prefix?: number | undefined;
}

/** The ranges that the nodes' addresses lie in, as far as a site says so: an IPv4 one, an IPv6 one. */
export function subnetsOf(network: Subnet & { readonly ipv6?: Subnet | undefined }): AddressRange[] {
  return [network, network.ipv6].flatMap((subnet) =>
    subnet?.gateway === undefined || subnet.prefix === undefined
      ? []
      : (parseRange(`${subnet.gateway}/${subnet.prefix}`) ?? []),
  );
}
