import { prettifyError, ZodError } from "zod";
import { cardParts } from "../../../stacks/cards/card-parts.ts";
import { cardDifference, flashCommand, staleParts } from "../../../stacks/cards/card-problem.ts";
import { formatDuration } from "../../../stacks/cards/duration.ts";
import { asStamp, cardOf } from "../../../stacks/cards/stamp.ts";
import { nodeOf, type Site } from "../../../stacks/config/site.ts";
import { authorityDigest } from "../../../stacks/nodes/cluster-authority.ts";
import { toleratedSkew, unmetExpectations } from "../../../stacks/nodes/expectations.ts";
import type { NodeReport } from "../../../stacks/nodes/facts.ts";
import { ineffectiveSettings } from "../../../stacks/nodes/ineffective-settings.ts";
import { describeSupply } from "../../../stacks/nodes/power-supply.ts";
import { describeThrottling } from "../../../stacks/nodes/throttling.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { splitAdvice, type Finding } from "./finding.ts";
import { isInstalled, upCommand, type Seen } from "./seen.ts";

/** Nodes that said nothing. What a bastion does not let through is told once. */
export function silenceFindings(site: Site, seen: Seen): Finding[] {
  const findings = [...seen.nodes].flatMap(([node, said]): Finding[] => {
    if (!(said instanceof Error)) return [];
    if (!(said instanceof NodeUnavailable)) return [unreadable(node, said)];
    const { what, next, reason } = said;
    if (said.hop === "bastion") return [{ severity: "wrong", where: "bastion", what, next }];
    const adopted = nodeOf(site, node).hostKey !== undefined;
    if (reason !== "unreachable" || adopted || isInstalled(seen, node))
      return [{ severity: "wrong", where: node, what, next }];
    const first = `write its card if that was not done yet (${flashCommand(seen.stackName, node)}), and switch it on`;
    return [{ severity: "warning", where: node, what: `${what}; no update has reached it yet`, next: first }];
  });
  return findings.filter(
    (finding, index) =>
      finding.where !== "bastion" ||
      index === findings.findIndex(({ where, what }) => where === "bastion" && what === finding.what),
  );
}

function unreadable(node: string, error: Error): Finding {
  const said = whatWasSaid(error).replace(`${node}: `, "");
  return {
    severity: "wrong",
    where: node,
    what: `it answers, but cannot be read: ${said}`,
    next:
      error instanceof UserError
        ? error.next
        : `see whether its disk works (journalctl -k on ${node}); if it does, this is a fault of Bramble's`,
  };
}

function whatWasSaid(error: Error): string {
  if (error instanceof UserError) return error.message.split("\n  Next: ")[0] ?? "";
  if (error instanceof ZodError) return prettifyError(error).split("\n").slice(0, 2).join(" ");
  // Of a Python program's traceback.
  return error.message.trim().split("\n").at(-1) ?? "";
}

/** The board, its card, its clock and its power. */
export function boardFindings(site: Site, node: string, report: NodeReport, seen: Seen): Finding[] {
  const { facts, health, clockSkew } = report;
  const find = (severity: Finding["severity"], what: string, next: string): Finding => ({
    severity,
    where: node,
    what,
    next,
  });
  const findings = unmetExpectations(nodeOf(site, node).expect, facts).map((what) =>
    find("wrong", what, `put the right board in place, or correct nodes.${node}.expect`),
  );
  findings.push(...cardFindings(site, node, report, seen));
  // `>` is false for a skew that nobody computed.
  if (Math.abs(clockSkew) > toleratedSkew) {
    const servers =
      site.timeServers.length === 0
        ? "set timeServers to one that the site reaches"
        : `see whether it reaches ${site.timeServers.join(", ")} (timeServers)`;
    const off = `${formatDuration(Math.abs(clockSkew))} ${clockSkew < 0 ? "behind" : "ahead"}`;
    findings.push(find("wrong", `its clock is ${off}, so certificates are not valid by it`, servers));
  }
  const authority = authorityDigest(seen.keys.authorities["server-ca"].certificate);
  if (facts.clusterAuthority !== null && facts.clusterAuthority !== authority)
    findings.push(
      find(
        "wrong",
        `K3s of another cluster is there (its authority is ${facts.clusterAuthority.slice(0, 8)}, this site's ${authority.slice(0, 8)})`,
        "take it off, or write a new card",
      ),
    );
  if (facts.cgroup?.memory === false)
    findings.push(
      find(
        "wrong",
        "its kernel cannot limit memory, so K3s cannot start",
        "add cgroup_enable=memory to the one line of cmdline.txt on its boot partition and reboot it",
      ),
    );
  if (health.booted === false)
    findings.push(find("note", "cloud-init has not ended its first boot", "look again in a minute"));
  if (health.rebootNeeded.length > 0)
    findings.push(
      find(
        "warning",
        `needs a reboot (${[...new Set(health.rebootNeeded)].join("; ")})`,
        `${upCommand(seen)} reboots it`,
      ),
    );
  for (const line of ineffectiveSettings(site, node, facts))
    findings.push({ severity: "warning", where: node, ...splitAdvice(line, "see docs/first-site.md") });
  return [...findings, ...powerFindings(node, report)];
}

function cardFindings(
  site: Site,
  node: string,
  { stamp }: NodeReport,
  { stackName, keys, wifiPassword }: Seen,
): Finding[] {
  // An adopted node has no card of Bramble's.
  if (nodeOf(site, node).hostKey !== undefined) return [];
  const expected = cardOf(site, node);
  const flash = flashCommand(stackName, node);
  const difference = cardDifference(expected, stamp);
  if (difference !== undefined)
    return [
      {
        severity: "wrong",
        where: node,
        what: `needs its card of generation ${expected.generation}: ${difference}`,
        next: `put the right card into the board, or write it: ${flash}`,
      },
    ];
  const found = asStamp(stamp);
  if (found === undefined) return [];
  const parts = staleParts(
    { ...found, parts: cardParts({ site, node, keys, system: found.system, wifiPassword }) },
    found,
  );
  if (parts.length === 0) return [];
  return [
    {
      severity: "note",
      where: node,
      what: `its card was made with another ${parts.join(", ")}, and stays as it is`,
      next: `to take that up, raise nodes.${node}.generation to ${expected.generation + 1} and write the card: ${flash}`,
    },
  ];
}

/** Bits of get_throttled that mean now, and not before (see `describeThrottling`). */
const nowBits = 0xffff;

function powerFindings(node: string, { facts, health }: NodeReport): Finding[] {
  const supply = "give it a supply of 5 V and 5 A with a short, thick cable (27 W, the official one)";
  const bits = health.throttled ?? 0;
  const now = describeThrottling(bits & nowBits);
  const since = describeThrottling(bits).filter((words) => !now.includes(words));
  return [
    ...describeSupply(facts, health).map((what): Finding => ({ severity: "warning", where: node, what, next: supply })),
    ...now.map((what): Finding => ({
      severity: "warning",
      where: node,
      what: `${what} now`,
      next: cureFor(what, supply),
    })),
    ...since.map((what): Finding => ({ severity: "note", where: node, what, next: cureFor(what, supply) })),
  ];
}

function cureFor(what: string, supply: string): string {
  return what.startsWith("under-voltage")
    ? supply
    : "see to its cooling and its supply; figures measured meanwhile are too slow";
}
