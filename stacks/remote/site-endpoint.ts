import { nodeOf, type Site } from "../config/site.ts";
import type { SiteKeys } from "../keys/site-keys.ts";
import type { Endpoint } from "./endpoint.ts";

/** Where and as whom Bramble logs in to a node. */
export function endpointOf(site: Site, node: string, keys: SiteKeys): Endpoint {
  const { address, ...own } = nodeOf(site, node);
  const { port: sitePort, agent, bastion } = site.access;
  return {
    node,
    address,
    port: own.port ?? sitePort,
    user: accountOf(site, node),
    hostKey: withoutComment(own.hostKey ?? keys.hostKey(node).publicKey),
    privateKeys: keys.adminKeys.map(({ privateKey }) => privateKey),
    agent,
    ...(bastion === undefined ? {} : { bastion: { ...bastion, hostKey: withoutComment(bastion.hostKey) } }),
    connectSeconds: site.timeouts.connect,
    silenceSeconds: site.timeouts.silence,
  };
}

/** The Linux account that Bramble logs in to on a node: an adopted node may have one of its own. */
export function accountOf(site: Site, node: string): string {
  return nodeOf(site, node).user ?? site.user;
}

/** Algorithm and key of a public key as authorized_keys and known_hosts hold it. */
export function withoutComment(key: string): string {
  return key.split(" ").slice(0, 2).join(" ");
}
