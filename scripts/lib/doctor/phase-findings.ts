import { nodeOf, type Site } from "../../../stacks/config/site.ts";
import { installPhase } from "../../../stacks/k3s/install-phase.ts";
import { membershipPhase } from "../../../stacks/k3s/membership-phase.ts";
import { unitName } from "../../../stacks/k3s/paths.ts";
import { accessPhase } from "../../../stacks/nodes/access-phase.ts";
import { dataDiskMountPhase, dataDiskPhase } from "../../../stacks/nodes/data-disk-phase.ts";
import type { NodeReport } from "../../../stacks/nodes/facts.ts";
import { preparationPhase } from "../../../stacks/nodes/preparation-phase.ts";
import { repairReason, type Records } from "../../../stacks/remote/drift.ts";
import type { Phase } from "../../../stacks/remote/phase.ts";
import type { Finding } from "./finding.ts";
import { isUpdating } from "./stack-findings.ts";
import { upCommand, type Seen } from "./seen.ts";

/** What updates left half done on a node, what is gone, and what somebody changed since. */
export function phaseFindings(site: Site, node: string, report: NodeReport, seen: Seen): Finding[] {
  const up = upCommand(seen);
  const phases = phasesOf(site, node, report, seen);
  const gone = phases.filter(
    ({ name }) =>
      seen.stack.resources.includes(`${node}-${name}`) &&
      report.records[name] === undefined &&
      !(name === "k3s" && report.k3s.unit === null),
  );
  return [
    // Where K3s is not there, that is told by itself.
    ...(gone.length === 0
      ? []
      : [
          {
            severity: "wrong" as const,
            where: node,
            what: `an update did ${gone.map(({ name }) => name).join(", ")}, and nothing of it is there: another card, or a disk that was emptied`,
            next: `${up} does it again`,
          },
        ]),
    ...halfDone(node, report.records, seen),
    ...phases.flatMap((phase) => drift(phase, report, up)),
  ];
}

function halfDone(node: string, records: Records, seen: Seen): Finding[] {
  return Object.entries(records).flatMap(([name, { applied, pending }]): Finding[] => {
    if (applied !== null && pending.length === 0) return [];
    const left = pending.length === 0 ? "" : `; still to do: ${pending.map((title) => `"${title}"`).join(", ")}`;
    const updating = isUpdating(seen);
    return [
      {
        severity: updating ? "note" : "wrong",
        where: node,
        what: `${name} was begun and is not finished${left}`,
        next: updating ? "an update runs: look again when it has ended" : `${upCommand(seen)} goes on from there`,
      },
    ];
  });
}

function drift(phase: Phase, report: NodeReport, up: string): Finding[] {
  const record = report.records[phase.name];
  if (record?.applied == null || record.pending.length > 0) return [];
  const reason = repairReason(phase, withoutStops(report.records), report.machine ?? "unknown");
  if (reason === undefined) return [];
  return [
    {
      severity: "warning",
      where: phase.labels?.node ?? phase.node,
      what: `${phase.name}: ${reason}`,
      next: `${up} repairs it`,
    },
  ];
}

/** That K3s is stopped is no drift to tell of beside the state of its unit. */
function withoutStops(records: Records): Records {
  const { k3s } = records;
  if (k3s === undefined) return records;
  const units = Object.fromEntries(
    Object.entries(k3s.units).map(([name, unit]) => {
      const k3sUnit = name === unitName("server") || name === unitName("agent");
      return [name, { ...unit, present: unit.present && { ...unit.present, active: k3sUnit || unit.present.active } }];
    }),
  );
  return { ...records, k3s: { ...k3s, units } };
}

/** What an update brings about on a node. Of K3s nothing is known where its artefacts are not on this machine. */
function phasesOf(site: Site, node: string, { records }: NodeReport, seen: Seen): Phase[] {
  const disk = dataDiskPhase(site, node);
  const members = Object.keys(site.nodes).filter((member) => records[`membership-${member}`] !== undefined);
  return [
    ...(disk === undefined ? [] : [disk, dataDiskMountPhase(node)]),
    preparationPhase(site, node),
    ...(seen.bundleProblem === undefined ? [installPhase(site, node, seen.keys)] : []),
    accessPhase(site, node, seen.keys),
    ...members.map((member) => membershipPhase(node, member, nodeOf(site, member))),
  ];
}
