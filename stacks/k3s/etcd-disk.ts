import { nodeOf, type Site } from "../config/site.ts";
import type { Facts } from "../nodes/facts.ts";

/** What to say of a server whose etcd would live on an SD card, which does not stand its writes for long. */
export function etcdDiskWarning(site: Site, node: string, { bootDiskKind }: Facts): string | undefined {
  const { role, dataDisk } = nodeOf(site, node);
  if (role !== "server" || dataDisk !== undefined || (bootDiskKind !== "sd" && bootDiskKind !== "emmc"))
    return undefined;
  const disk = bootDiskKind === "sd" ? "an SD card" : "eMMC";
  return `etcd writes all the time, and lives on ${disk} here, which wears out: give it an NVMe or USB disk (nodes.${node}.dataDisk)`;
}
