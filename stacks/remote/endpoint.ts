import { z } from "zod";
import { nodeOf, type Site } from "../config/site.ts";
import type { SiteKeys } from "../keys/site-keys.ts";

/** Where a node answers, and what both sides prove themselves with. Secret because of its private key. */
export const endpointSchema = z.strictObject({
  node: z.string(),
  address: z.string(),
  port: z.int(),
  user: z.string(),
  /** The node's public host key, "ssh-ed25519 AAAA...". */
  hostKey: z.string(),
  /** The admin's, in OpenSSH's PEM. */
  privateKey: z.string(),
});
export type Endpoint = Readonly<z.infer<typeof endpointSchema>>;

/** Where and as whom Bramble logs in to a node. */
export function endpointOf(site: Site, node: string, keys: SiteKeys): Endpoint {
  return {
    node,
    address: nodeOf(site, node).address,
    port: 22,
    user: site.user,
    hostKey: keys.hostKey(node).publicKey.split(" ").slice(0, 2).join(" "),
    privateKey: keys.admin.privateKey,
  };
}
