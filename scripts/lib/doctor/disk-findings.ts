import { formatDuration } from "../../../stacks/cards/duration.ts";
import { nodeOf, type Site } from "../../../stacks/config/site.ts";
import { etcdDiskWarning } from "../../../stacks/k3s/etcd-disk.ts";
import type { NodeReport } from "../../../stacks/nodes/facts.ts";
import { formatSize } from "../../../stacks/remote/format-size.ts";
import { splitAdvice, type Finding } from "./finding.ts";
import { schedulePeriod } from "./schedule-period.ts";
import { reportsOf, type Seen } from "./seen.ts";

/** Below this a node's K3s soon stops; below the fraction the kubelet will begin to end pods. */
const [leastMegabytes, leastFraction] = [500, 0.1];
const daySeconds = 86_400;
/** Schedules that may be missed before it is told. */
const missedRuns = 3;
const backupDays = 30;

/** The disk that K3s's data lie on. */
export function diskFindings(site: Site, node: string, { facts, k3s }: NodeReport): Finding[] {
  const { diskMegabytes, diskFreeMegabytes: free } = k3s;
  const findings: Finding[] = [];
  const low = free !== null && diskMegabytes !== null && free < diskMegabytes * leastFraction;
  if (free !== null && (free < leastMegabytes || low)) {
    const disk = nodeOf(site, node).dataDisk === undefined ? "; or give it a dataDisk" : "";
    findings.push({
      severity: free < leastMegabytes ? "wrong" : "warning",
      where: node,
      what: `its disk is nearly full: ${formatSize(free * 1e6)} of ${diskMegabytes === null ? "it" : formatSize(diskMegabytes * 1e6)} left`,
      next: `collect results, remove models and snapshots that nobody needs${disk}`,
    });
  }
  const wears = etcdDiskWarning(site, node, facts);
  if (wears !== undefined)
    findings.push({ severity: "warning", where: node, ...splitAdvice(wears, `set nodes.${node}.dataDisk`) });
  return findings;
}

/** The snapshots that a server takes by itself. */
export function snapshotFindings(site: Site, node: string, { k3s, records }: NodeReport, seen: Seen): Finding[] {
  const { schedule } = site.k3s.snapshots;
  if (nodeOf(site, node).role !== "server" || !k3s.hasData) return [];
  const limit = Math.max(daySeconds, missedRuns * (schedulePeriod(schedule) ?? daySeconds));
  const ageOf = (time: string) => (seen.now.getTime() - new Date(time).getTime()) / 1000;
  const next = `see journalctl -u k3s on ${node} for etcd-snapshot; take one now: npm run backup -- ${seen.stackName}`;
  const newest = k3s.snapshots?.at(-1);
  if (newest !== undefined) {
    const age = ageOf(newest.time);
    if (age <= limit) return [];
    const what = `its newest etcd snapshot is ${formatDuration(age)} old (schedule: ${schedule})`;
    return [{ severity: "warning", where: node, what, next }];
  }
  const installed = records.k3s?.applied ?? undefined;
  const due = installed === undefined || ageOf(installed) > limit;
  return [
    { severity: due ? "warning" : "note", where: node, what: `has no etcd snapshot yet (schedule: ${schedule})`, next },
  ];
}

/** What of the cluster would be left if all its cards were lost. */
export function backupFindings(seen: Seen): Finding[] {
  if (!reportsOf(seen).some(([, { k3s }]) => k3s.role === "server" && k3s.hasData)) return [];
  const { newestBackup, now, stackName } = seen;
  const age = newestBackup === undefined ? undefined : (now.getTime() - newestBackup.getTime()) / 1000;
  if (age !== undefined && age <= backupDays * daySeconds) return [];
  const what =
    age === undefined
      ? "there is no backup of the cluster on this machine"
      : `the newest backup of the cluster on this machine is ${formatDuration(age)} old`;
  return [{ severity: "warning", where: "cluster", what, next: `npm run backup -- ${stackName}` }];
}
