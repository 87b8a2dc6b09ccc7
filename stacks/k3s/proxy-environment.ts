import { formatRange } from "../config/address-range.ts";
import type { Site } from "../config/site.ts";
import { subnetsOf } from "../config/subnets.ts";

/** Read by K3s's unit where it is there. */
export const proxyEnvironmentPath = "/etc/rancher/k3s/proxy.env";

/**
 * Renders the proxy that K3s and its containerd fetch through (docs.k3s.io, Advanced Options, HTTP proxy), or undefined where there
 * is none. What the site says to itself never goes there.
 */
export function renderProxyEnvironment(site: Site): string | undefined {
  const { proxy, clusterCidr, serviceCidr, apiAddress, kubeVip } = site.k3s;
  if (proxy === undefined) return undefined;
  const own = [
    ...["localhost", "127.0.0.0/8", ".svc", ".cluster.local"],
    ...clusterCidr,
    ...serviceCidr,
    ...Object.values(site.nodes).flatMap(({ address, address6 }) => [
      address,
      ...(address6 === undefined ? [] : [address6]),
    ]),
    ...[apiAddress, kubeVip?.address].filter((address) => address !== undefined),
    ...subnetsOf(site.network).map(formatRange),
  ];
  const variables = {
    HTTP_PROXY: proxy.http,
    HTTPS_PROXY: proxy.https,
    NO_PROXY: [...new Set([...own, ...proxy.exclude])].join(","),
  };
  return Object.entries(variables)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}\n`]))
    .join("");
}
