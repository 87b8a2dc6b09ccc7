import { nodeOf, type Site } from "../../../stacks/config/site.ts";
import { renewalReason } from "../../../stacks/k3s/certificate-renewal.ts";
import { fixedSettingProblems } from "../../../stacks/k3s/fixed-settings.ts";
import { unitName } from "../../../stacks/k3s/paths.ts";
import { startProblem } from "../../../stacks/k3s/start-problem.ts";
import { tokenGenerationOf, tokenProblem } from "../../../stacks/k3s/token-problem.ts";
import type { K3sReport, NodeReport } from "../../../stacks/nodes/facts.ts";
import { splitAdvice, type Finding } from "./finding.ts";
import { isInstalled, upCommand, type Seen } from "./seen.ts";

/** How K3s fares on one node, by what the node itself says. */
export function k3sFindings(site: Site, node: string, { k3s }: NodeReport, seen: Seen): Finding[] {
  const up = upCommand(seen);
  const find = (severity: Finding["severity"], what: string, next: string): Finding => ({
    severity,
    where: node,
    what,
    next,
  });
  const wanted = nodeOf(site, node).role;
  const findings: Finding[] = [];
  if (k3s.unit === null) {
    findings.push(
      isInstalled(seen, node)
        ? find("wrong", "K3s is not there, although an update installed it", `${up} installs it again`)
        : find("note", "K3s is not installed yet", up),
    );
  } else findings.push(...unitFindings(node, k3s, seen));
  if (k3s.role !== null && k3s.role !== wanted)
    findings.push(
      find(
        "wrong",
        `it runs as ${k3s.role}, and the configuration says ${wanted}`,
        `a role does not change in place: take the node's line out, ${up}, then put it back`,
      ),
    );
  findings.push(...certificateFindings(node, k3s, seen));
  for (const problem of fixedSettingProblems(site, k3s))
    findings.push(find("wrong", problem, `put it back in Pulumi.${seen.stackName}.yaml; an update refuses until then`));
  const token = tokenProblem(seen.keys.tokens, k3s);
  const generation = k3s.tokenDigest === null ? undefined : tokenGenerationOf(seen.keys.tokens, k3s.tokenDigest);
  if (token !== undefined)
    findings.push({
      severity: "wrong",
      where: node,
      ...splitAdvice(token, "set k3s.tokenGeneration to the cluster's"),
    });
  else if (generation !== undefined && generation !== site.k3s.tokenGeneration)
    findings.push(
      find(
        "warning",
        `its token is of generation ${generation}, and the configuration says ${site.k3s.tokenGeneration}`,
        `${up} replaces it`,
      ),
    );
  return findings;
}

function unitFindings(node: string, k3s: K3sReport, seen: Seen): Finding[] {
  const { unit, restarts, journal } = k3s;
  const name = unitName(k3s.role ?? "server");
  const up = upCommand(seen);
  const see = `see journalctl -u ${name} on ${node}`;
  const problem = startProblem(journal);
  const because = problem === undefined ? lastWords(journal) : `: ${problem.cause}`;
  const broken = (what: string): Finding => ({
    severity: "wrong",
    where: node,
    what: `${what}${because}`,
    next: `${problem?.next ?? see}; then ${up}`,
  });
  if (unit === "failed") return [broken(`${name} failed`)];
  if (unit === "activating" && ((restarts ?? 0) > 0 || problem !== undefined))
    return [broken(`${name} does not come up (activating, started again ${times(restarts ?? 0)})`)];
  if (unit === "activating")
    return [
      {
        severity: "warning",
        where: node,
        what: `${name} is starting (activating)${because}`,
        next: `look again in a minute; if it stays so, ${see}`,
      },
    ];
  if (unit !== "active" && unit !== "reloading")
    return [
      {
        severity: "wrong",
        where: node,
        what: `${name} is stopped (${unit ?? "unknown"})`,
        next: `${up} starts it again`,
      },
    ];
  if ((restarts ?? 0) > 0)
    return [
      {
        severity: "note",
        where: node,
        what: `${name} ended by itself and was started again ${times(restarts ?? 0)}`,
        next: see,
      },
    ];
  return [];
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

/** The end of a journal that tells of no known problem. */
function lastWords(journal: readonly string[]): string {
  const lines = journal.slice(-3).map((line) => `\n${line.length > 200 ? `${line.slice(0, 199)}…` : line}`);
  return lines.length === 0 ? "" : `; its journal ends in${lines.join("")}`;
}

function certificateFindings(node: string, k3s: K3sReport, seen: Seen): Finding[] {
  const { certificatesEnd } = k3s;
  const due = renewalReason(k3s, seen.now);
  if (certificatesEnd === null || due === undefined) return [];
  const expired = new Date(certificatesEnd) <= seen.now;
  return [
    {
      severity: expired ? "wrong" : "warning",
      where: node,
      what: expired ? `K3s's certificates expired on ${certificatesEnd.slice(0, 10)}` : `K3s's ${due}`,
      next: `${upCommand(seen)} restarts K3s, which renews them`,
    },
  ];
}
