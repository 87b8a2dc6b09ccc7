import { z } from "zod";
import { host, port, publicKey, userName } from "../config/fields.ts";
import { nodeOf, type Site } from "../config/site.ts";
import { mostAdminKeys, type SiteKeys } from "../keys/site-keys.ts";

/** A machine on the way to a node. Each value ends up in a file for the OpenSSH client: none may hold its syntax. */
const bastionSchema = z.strictObject({ host, port, user: userName, hostKey: publicKey });

/** Where a node answers, and what both sides prove themselves with. Secret because of its private keys. */
export const endpointSchema = z.strictObject({
  node: z.string(),
  address: host,
  port,
  user: userName,
  /** The node's public host key, "ssh-ed25519 AAAA...". */
  hostKey: publicKey,
  /** The admin's, in OpenSSH's PEM, newest generation first. */
  privateKeys: z.array(z.string().startsWith("-----BEGIN ")).max(mostAdminKeys),
  /** Whether the SSH agent's keys are offered too. */
  agent: z.boolean(),
  bastion: bastionSchema.optional(),
  /** Seconds that a hop may take to answer a call. */
  connectSeconds: z.int().positive(),
  /** Seconds without a word after which the connection counts as broken. */
  silenceSeconds: z.int().positive(),
});
export type Endpoint = Readonly<z.infer<typeof endpointSchema>>;

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
