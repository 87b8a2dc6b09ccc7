import type { Site } from "../../../stacks/config/site.ts";
import { clusterFindings } from "./cluster-findings.ts";
import { backupFindings, diskFindings, snapshotFindings } from "./disk-findings.ts";
import { sortFindings, type Finding } from "./finding.ts";
import { k3sFindings } from "./k3s-findings.ts";
import { leaseFindings } from "./lease-findings.ts";
import { boardFindings, silenceFindings } from "./node-findings.ts";
import { phaseFindings } from "./phase-findings.ts";
import { podFindings } from "./pod-findings.ts";
import { reportsOf, type Seen } from "./seen.ts";
import { bundleFindings, stackFindings } from "./stack-findings.ts";
import { upgradeFindings } from "./upgrade-findings.ts";

/** What a look at a site means, worst first. */
export function findings(site: Site, seen: Seen): Finding[] {
  const found = [
    ...stackFindings(site, seen),
    ...bundleFindings(seen),
    ...clusterFindings(site, seen),
    ...upgradeFindings(site, seen),
    ...leaseFindings(seen),
    ...podFindings(seen),
    ...backupFindings(seen),
    ...silenceFindings(site, seen),
    ...reportsOf(seen).flatMap(([node, report]) => [
      ...boardFindings(site, node, report, seen),
      ...k3sFindings(site, node, report, seen),
      ...diskFindings(site, node, report),
      ...snapshotFindings(site, node, report, seen),
      ...phaseFindings(site, node, report, seen),
    ]),
  ];
  return sortFindings(found, Object.keys(site.nodes));
}
