import { z } from "zod";
import { host, port, publicKey, userName } from "./fields.ts";

/** How Bramble reaches the nodes of a site. */
export const access = z.strictObject({
  port: port.default(22).describe("the nodes' SSH port"),
  agent: z.boolean().default(false).describe("offer the keys of your SSH agent too, after the derived one"),
  bastion: z
    .strictObject({
      host,
      port: port.default(22),
      user: userName,
      hostKey: publicKey.describe("its public host key; it is pinned"),
    })
    .optional()
    .describe("a machine to jump through; it is logged in to with your SSH agent's keys or the derived admin key"),
});
export type Access = z.infer<typeof access>;
