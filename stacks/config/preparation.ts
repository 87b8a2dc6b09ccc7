import { z } from "zod";

/** What a site's nodes are made to be before K3s. */
export const preparation = z.strictObject({
  governor: z
    .enum(["performance", "keep"])
    .default("performance")
    .describe("the processors' frequency governor; with the image's own, measurements vary with what ran before"),
  swap: z.enum(["off", "keep"]).default("off").describe("off: a model that does not fit fails instead of crawling"),
  journalMegabytes: z.int().min(16).max(4096).default(200).describe("what the system's journal may take of the disk"),
  watchdog: z.boolean().default(true).describe("the board restarts by itself when its system hangs"),
  upgrades: z
    .enum(["off", "keep"])
    .default("off")
    .describe("off: the system never upgrades itself, so that no upgrade falls into a measurement"),
  firewall: z
    .boolean()
    .default(true)
    .describe("only nodes of the site reach the ports that K3s uses between nodes (etcd, kubelet, VXLAN)"),
});
export type PreparationSettings = z.infer<typeof preparation>;
