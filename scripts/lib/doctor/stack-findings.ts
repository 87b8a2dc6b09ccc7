import type { Site } from "../../../stacks/config/site.ts";
import type { Finding } from "./finding.ts";
import { isInstalled, upCommand, type Seen } from "./seen.ts";

/** Operations that are named; more are counted. */
const named = 4;

/** Whether an update runs now, as far as the state's lock tells. */
export function isUpdating({ stack }: Pick<Seen, "stack">): boolean {
  return stack.lock.some(({ alive }) => alive !== false);
}

/** Artefacts that an update would need and that are not on this machine. */
export function bundleFindings({ bundleProblem, stackName }: Seen): Finding[] {
  if (bundleProblem === undefined) return [];
  const said = bundleProblem.message.split("\n  Next: ")[0] ?? "";
  return [
    {
      severity: "warning",
      where: "bundle",
      what: `no update can be made, and K3s's files on the nodes were not compared: ${said}`,
      next: bundleProblem.next.replaceAll("<site>", stackName),
    },
  ];
}

/** What Pulumi's state says: its lock, operations that were cut off, and what the site is made of. */
export function stackFindings(site: Site, seen: Seen): Finding[] {
  const { stack, stackName } = seen;
  const up = upCommand(seen);
  const find = (severity: Finding["severity"], what: string, next: string): Finding => ({
    severity,
    where: "stack",
    what,
    next,
  });
  const findings: Finding[] = [];
  const dead = stack.lock.filter(({ alive }) => alive === false);
  const living = stack.lock.filter(({ alive }) => alive === true);
  const elsewhere = stack.lock.filter(({ alive }) => alive === undefined);
  if (living.length > 0)
    findings.push(
      find(
        "note",
        `an update runs: process ${living.map(({ pid }) => pid).join(", ")} on this machine holds the state's lock`,
        "some of what stands here may be its doing: look again when it has ended",
      ),
    );
  if (elsewhere.length > 0)
    findings.push(
      find(
        "warning",
        `the state's lock is held by ${elsewhere.map(({ pid, hostname }) => `process ${pid} on ${hostname}`).join(", ")}`,
        `if no update runs there any more: npm run pulumi -- cancel --stack ${stackName}`,
      ),
    );
  if (dead.length > 0)
    findings.push(
      living.length + elsewhere.length === 0
        ? find(
            "warning",
            `the state's lock is held by process ${dead.map(({ pid }) => pid).join(", ")}, which is gone`,
            `${up} clears it and goes on from there`,
          )
        : find(
            "warning",
            `process ${dead.map(({ pid }) => pid).join(", ")}, which is gone, holds the state's lock too`,
            `when the other has ended: npm run pulumi -- cancel --stack ${stackName}`,
          ),
    );
  if (stack.pending.length > 0 && !isUpdating(seen)) {
    const more = stack.pending.length > named ? `, ${stack.pending.length - named} more` : "";
    findings.push(
      find(
        "warning",
        `an update was cut off: ${stack.pending.slice(0, named).join(", ")}${more}`,
        `${up} goes on from there`,
      ),
    );
  }
  const nodes = Object.keys(site.nodes);
  if (!nodes.some((node) => isInstalled(seen, node)))
    findings.push(find("note", "no update has brought this site up yet", up));
  for (const name of stack.resources) {
    const left = /^(.*)-k3s$/.exec(name)?.[1];
    if (left !== undefined && !nodes.includes(left))
      findings.push(
        find("note", `${left} is no longer in the configuration, and still part of the site`, `${up} takes it out`),
      );
  }
  return findings;
}
