import { nodeOf } from "../../../../stacks/config/site.ts";
import { installPhase } from "../../../../stacks/k3s/install-phase.ts";
import { membershipPhase } from "../../../../stacks/k3s/membership-phase.ts";
import { accessPhase } from "../../../../stacks/nodes/access-phase.ts";
import { preparationPhase } from "../../../../stacks/nodes/preparation-phase.ts";
import type { Records } from "../../../../stacks/remote/drift.ts";
import type { Phase } from "../../../../stacks/remote/phase.ts";
import type { Seen } from "../../../../scripts/lib/doctor/seen.ts";
import { healthySeen, installed, site, withNode } from "./healthy.ts";

/** A healthy site whose nodes hold all that updates put there, as it was put there. */
export function wholeSeen(changes: Partial<Seen> = {}): Seen {
  let seen = healthySeen(changes);
  for (const node of Object.keys(site.nodes)) seen = withNode(node, { records: recordsOf(node) }, seen);
  return seen;
}

/** What a probe sees on a node on which nobody changed anything. */
export function recordsOf(node: string): Records {
  const { keys } = healthySeen();
  const members = node === "pi-1" ? Object.keys(site.nodes) : [];
  const phases = [
    preparationPhase(site, node),
    installPhase(site, node, keys),
    accessPhase(site, node, keys),
    ...members.map((member) => membershipPhase(node, member, nodeOf(site, member))),
  ];
  return Object.fromEntries(phases.map((phase) => [phase.name, recordOf(phase)]));
}

function recordOf({ files, directories, units, packages, labels }: Phase): Records[string] {
  const both = <Value>(value: Value) => ({ installed: value, present: value });
  return {
    applied: installed,
    pending: [],
    files: Object.fromEntries(
      files.map((file) => [
        file.path,
        both("block" in file ? { sha256: file.sha256 } : { sha256: file.sha256, mode: file.mode, owner: file.owner }),
      ]),
    ),
    directories: Object.fromEntries(directories.map(({ path, mode, owner }) => [path, both({ mode, owner })])),
    units: Object.fromEntries(
      (units ?? []).map(({ name, enabled, active, masked }) => {
        const set = Object.fromEntries(
          Object.entries({ enabled, active, masked }).filter(([, is]) => is !== undefined),
        );
        return [name, { installed: set, present: { enabled: false, active: false, masked: false, ...set } }];
      }),
    ),
    packages: Object.fromEntries((packages ?? []).map(({ name, state }) => [name, both(state)])),
    labels: labels === undefined ? null : { node: labels.node, ...both(labels.labels) },
  };
}
