import { disturbance } from "../../../stacks/nodes/measuring-lease.ts";
import { formatDuration } from "../../../stacks/cards/duration.ts";
import { failureOf } from "../../../stacks/k3s/slot-lease.ts";
import { measurementLease } from "../../../workloads/benchmark/lease.ts";
import { timing } from "../../../workloads/benchmark/lease-queue.ts";
import type { Finding } from "./finding.ts";
import { upCommand, type Seen } from "./seen.ts";

const slotNames = /^k3s-change-(server|agent)-\d+$/;

/** Changes of nodes that failed or go on, and who measures. */
export function leaseFindings(seen: Seen): Finding[] {
  return (seen.cluster?.leases ?? []).flatMap(({ metadata, spec }): Finding[] => {
    const holder = spec.holderIdentity ?? "";
    if (holder === "") return [];
    const age = (seen.now.getTime() - new Date(spec.renewTime ?? 0).getTime()) / 1000;
    if (metadata.name === measurementLease.name) return [measuring(holder, age)];
    if (!slotNames.test(metadata.name)) return [];
    const failed = failureOf({ metadata: { ...metadata, resourceVersion: "" } });
    if (failed !== undefined) return [failure(holder, failed, seen)];
    return [
      {
        severity: "note",
        where: holder,
        what: `an update changes it (said so ${formatDuration(age)} ago)`,
        next: `if none runs any more, ${upCommand(seen)} goes on from there`,
      },
    ];
  });
}

/** An update that finds the node well passes over its failure. */
function failure(node: string, reason: string, seen: Seen): Finding {
  const member = seen.cluster?.nodes?.find(({ metadata }) => metadata.name === node);
  const ready = member?.status.conditions.some(({ type, status }) => type === "Ready" && status === "True") === true;
  const well = ready && member.spec.unschedulable !== true;
  return {
    severity: well ? "warning" : "wrong",
    where: node,
    what: `an update could not change it, and stopped there: ${reason}`,
    next: `mend that, then ${upCommand(seen)}: it goes on from there`,
  };
}

function measuring(holder: string, age: number): Finding {
  const note = { severity: "note" as const, where: "cluster" };
  if (age * 1000 > 2 * timing.expiry)
    return {
      ...note,
      what: `the measuring Lease is still ${holder}'s, who has not renewed it for ${formatDuration(age)}`,
      next: "nothing: whoever wants it next takes it over",
    };
  if (holder.startsWith(disturbance))
    return {
      ...note,
      what: `nobody measures: ${holder.split("/").at(-2) ?? "a node"} is being changed`,
      next: "nothing",
    };
  return {
    ...note,
    what: `${holder} measures now`,
    next: "an update that has to restart or reboot a node refuses to until it has ended",
  };
}
