import type { z } from "zod";
import { nodeSchema, type SiteNode } from "../../../stacks/config/node.ts";
import { siteSchema, type Site } from "../../../stacks/config/site.ts";

/** The root secret of tests and golden files. It is no secret: use it nowhere else. */
export const exampleRootSecret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

export function exampleSite(): Site {
  return siteSchema.parse({
    name: "barn",
    image: { file: "images/os.img", sha256: "a".repeat(64) },
    network: { prefix: 24, gateway: "192.168.7.1", nameservers: ["192.168.7.1", "192.168.7.2"] },
    nodes: {
      "pi-1": { role: "server", address: "192.168.7.11" },
      "pi-2": { role: "agent", address: "192.168.7.12", generation: 3 },
    },
    k3s: { version: "v1.34.2+k3s1", binary: { file: "images/k3s", sha256: "b".repeat(64) } },
  });
}

/** A node with defaults for what is left out. */
export function exampleNode(node: z.input<typeof nodeSchema>): SiteNode {
  return nodeSchema.parse(node);
}
