import type { Expectations } from "../config/node.ts";
import { nodeOf, type Site } from "../config/site.ts";
import { UserError } from "../user-error.ts";
import type { Facts, NodeReport } from "./facts.ts";

/** Seconds that a node's clock may be off: certificates and tokens are checked against it. */
export const toleratedSkew = 60;

/** Where a board is not what the configuration demands, one line each: "serial is 1000…, not 2000…". */
export function unmetExpectations(expect: Expectations, facts: Facts): string[] {
  const { serial, model, memoryMegabytes, eeprom } = expect;
  const unknown = (what: string, wanted: string) => `${what} cannot be read, and must be ${wanted}`;
  const problems: string[] = [];
  if (serial !== undefined && facts.serial !== serial)
    problems.push(facts.serial === null ? unknown("serial", serial) : `serial is ${facts.serial}, not ${serial}`);
  if (model !== undefined && facts.model?.startsWith(model) !== true)
    problems.push(facts.model === null ? unknown("model", model) : `model is ${facts.model}, not ${model}`);
  if (memoryMegabytes !== undefined && (facts.memoryMegabytes ?? 0) < memoryMegabytes)
    problems.push(
      facts.memoryMegabytes === null
        ? unknown("memory", `at least ${memoryMegabytes} MB`)
        : `memory is ${facts.memoryMegabytes} MB, less than ${memoryMegabytes} MB`,
    );
  if (eeprom !== undefined && (facts.eepromDate ?? "") < eeprom)
    problems.push(
      facts.eepromDate === null
        ? unknown("EEPROM's date", `${eeprom} or later`)
        : `EEPROM is of ${facts.eepromDate}, older than ${eeprom}`,
    );
  return problems;
}

/**
 * What speaks against changing anything on a node, one line each.
 * @param authority SHA-256 in hex of the certificate (DER) of the site's own server authority, see `authorityDigest`
 */
export function nodeProblems(site: Site, node: string, report: NodeReport, authority: string): string[] {
  const { facts } = report;
  const problems = unmetExpectations(nodeOf(site, node).expect, facts);
  // `>` is false for a skew that nobody computed.
  if (Math.abs(report.clockSkew) > toleratedSkew) problems.push(describeSkew(site, report.clockSkew));
  if (facts.clusterAuthority !== null && facts.clusterAuthority !== authority)
    problems.push(
      `K3s of another cluster is there (its authority is ${facts.clusterAuthority.slice(0, 8)}, this site's ${authority.slice(0, 8)}): take it off, or write a new card`,
    );
  if (facts.cgroup?.memory === false)
    problems.push(
      "its kernel cannot limit memory, so K3s cannot start: add cgroup_enable=memory to the one line of cmdline.txt on its boot partition and reboot it",
    );
  return problems;
}

/**
 * What speaks against changing anything on a site, of all nodes that answered: "pi-2: serial is …". Empty: go ahead.
 * @param observations by node; whatever has no facts (a node that did not answer) is passed over
 */
export function siteProblems(
  site: Site,
  observations: ReadonlyMap<string, NodeReport | Error>,
  authority: string,
): string[] {
  return Object.keys(site.nodes).flatMap((node) => {
    const report = observations.get(node);
    if (report === undefined || report instanceof Error) return [];
    return nodeProblems(site, node, report, authority).map((problem) => `${node}: ${problem}`);
  });
}

/** All of a site's problems as one error. */
export function mismatchError(site: Site, problems: readonly string[]): UserError {
  return new UserError({
    what: `the nodes are not what the configuration says; nothing was changed:\n${problems.map((line) => `    ${line}`).join("\n")}`,
    where: `site ${site.name}`,
    next: "put the right boards in place or correct `expect` in the configuration, mend what else is named, then run it again",
  });
}

function describeSkew(site: Site, skew: number): string {
  const servers =
    site.timeServers.length === 0
      ? "set timeServers to one that the site reaches"
      : `see whether it reaches ${site.timeServers.join(", ")} (timeServers)`;
  return `its clock is ${duration(Math.abs(skew))} ${skew < 0 ? "behind" : "ahead"}, so certificates would not be valid: ${servers}`;
}

function duration(seconds: number): string {
  const [value, unit] =
    seconds < 120
      ? [seconds, "s"]
      : seconds < 7200
        ? [seconds / 60, "min"]
        : seconds < 172_800
          ? [seconds / 3600, "h"]
          : [seconds / 86_400, "days"];
  return `${Math.round(value)} ${unit}`;
}
