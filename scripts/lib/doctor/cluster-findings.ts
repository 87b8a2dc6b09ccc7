import { cordonedAnnotation } from "../../../stacks/k3s/drain.ts";
import { nodeOf, serversOf, type Site } from "../../../stacks/config/site.ts";
import type { ClusterNode } from "./cluster.ts";
import type { Finding } from "./finding.ts";
import { isUpdating } from "./stack-findings.ts";
import { isInstalled, reportsOf, upCommand, type Seen } from "./seen.ts";

const etcdLabel = "node-role.kubernetes.io/etcd";

/** Whether the cluster answers, who is in it, and how many servers it can lose. */
export function clusterFindings(site: Site, seen: Seen): Finding[] {
  const { cluster } = seen;
  const find = (severity: Finding["severity"], what: string, next: string): Finding => ({
    severity,
    where: "cluster",
    what,
    next,
  });
  const findings = quorumFindings(site, seen);
  if (cluster === undefined) {
    const servers = serversOf(site).filter(({ name }) => isInstalled(seen, name));
    // That its only server is away or its K3s is down is told of the node; here it is what follows.
    if (servers.length > 0)
      findings.push(
        find(
          "wrong",
          `no API answers (${servers.map(({ name }) => name).join(", ")}); nodes and pods were not looked at`,
          "mend what stands here of the servers; if all of them are lost for good: npm run restore",
        ),
      );
    return findings;
  }
  for (const problem of cluster.problems)
    findings.push(find("warning", problem, `see journalctl -u k3s on ${cluster.through}, and look again`));
  if (cluster.nodes === undefined) return findings;
  const members = new Map(cluster.nodes.map((node) => [node.metadata.name, node]));
  for (const node of Object.keys(site.nodes)) {
    const member = members.get(node);
    if (member !== undefined) findings.push(...memberFindings(node, member, seen));
    else if (isInstalled(seen, node) && runs(node, seen))
      findings.push({
        severity: "wrong",
        where: node,
        what: "its K3s runs, and the cluster does not know it",
        next: `see journalctl on ${node}; ${upCommand(seen)}`,
      });
  }
  for (const name of members.keys())
    if (!Object.hasOwn(site.nodes, name))
      findings.push(
        find(
          "warning",
          `${name} is in the cluster and not in the configuration`,
          isInstalled(seen, name)
            ? `${upCommand(seen)} takes it out`
            : `put its line back, or forget it: k3s kubectl delete node ${name}, on ${cluster.through}`,
        ),
      );
  return findings;
}

/** Whether K3s's unit is up on a node. */
function runs(node: string, { nodes }: Seen): boolean {
  const seen = nodes.get(node);
  return seen !== undefined && !(seen instanceof Error) && seen.k3s.unit === "active";
}

function memberFindings(node: string, { metadata, spec, status }: ClusterNode, seen: Seen): Finding[] {
  const find = (severity: Finding["severity"], what: string, next: string): Finding => ({
    severity,
    where: node,
    what,
    next,
  });
  const findings: Finding[] = [];
  const ready = status.conditions.find(({ type }) => type === "Ready");
  // Of a node that is silent, or whose K3s is down, that is told by itself.
  if (ready?.status !== "True" && runs(node, seen))
    findings.push(
      find(
        "wrong",
        `the cluster has it NotReady${ready?.message === undefined ? "" : `: ${ready.message}`}`,
        `see journalctl on ${node}; a K3s that has just started needs a minute`,
      ),
    );
  for (const { type, status: state, message } of status.conditions)
    if (state === "True" && type.endsWith("Pressure"))
      findings.push(
        find(
          "warning",
          `${type}: ${message ?? "the kubelet ends pods"}`,
          "give its pods less, or the node more; see k3s.reserved and k3s.eviction",
        ),
      );
  if (spec.unschedulable === true) findings.push(cordonFinding(node, metadata.annotations, seen));
  return findings;
}

function cordonFinding(node: string, annotations: Readonly<Record<string, string>>, seen: Seen): Finding {
  const uncordon = `k3s kubectl uncordon ${node}, on ${seen.cluster?.through ?? "a server"}`;
  const cordoned = { where: node, severity: "note" as const };
  if (annotations[cordonedAnnotation] === undefined)
    return { ...cordoned, what: "somebody cordoned it: it takes no new pods", next: `when it may again: ${uncordon}` };
  if (isUpdating(seen)) return { ...cordoned, what: "an update has emptied it", next: "look again when it has ended" };
  return {
    severity: "warning",
    where: node,
    what: "an update cordoned it and was cut off: it takes no new pods",
    next: `${upCommand(seen)}; if it stays so: ${uncordon}`,
  };
}

/** How many of etcd's members work, and how many may be lost. */
function quorumFindings(site: Site, seen: Seen): Finding[] {
  const known = seen.cluster?.nodes
    ?.filter(({ metadata }) => metadata.labels[etcdLabel] === "true")
    .map(({ metadata }) => metadata.name);
  const members = known ?? serversOf(site).flatMap(({ name }) => (isInstalled(seen, name) ? [name] : []));
  const away = members.filter((name) => !works(name, seen));
  const working = members.length - away.length;
  const needed = Math.floor(members.length / 2) + 1;
  if (members.length < 2 || away.length === 0 || working > needed) return [];
  const counted = `${working} of ${members.length} servers ${working === 1 ? "works" : "work"} (not ${away.join(", ")})`;
  return [
    {
      severity: "wrong",
      where: "cluster",
      what: `${counted}: ${working < needed ? `etcd needs ${needed}, so the cluster stands still` : "one more lost and the cluster stops"}`,
      next: `bring ${away.join(" and ")} back; one that is lost for good gets a new card (${away.map((name) => generationOf(site, name)).join(", ")})`,
    },
  ];
}

/** By its own word or, where only this machine does not reach it, by the cluster's. */
function works(node: string, seen: Seen): boolean {
  const said = seen.nodes.get(node);
  if (said !== undefined && !(said instanceof Error)) return runs(node, seen);
  const member = seen.cluster?.nodes?.find(({ metadata }) => metadata.name === node);
  return member?.status.conditions.some(({ type, status }) => type === "Ready" && status === "True") === true;
}

function generationOf(site: Site, name: string): string {
  if (!Object.hasOwn(site.nodes, name)) return `${name} is no longer in the configuration`;
  return `nodes.${name}.generation: ${nodeOf(site, name).generation + 1}`;
}

/** What was looked at of the cluster, in words. */
export function describeCluster(seen: Seen): string {
  if (seen.cluster === undefined) return "no cluster (no API answered)";
  const { through, nodes, pods } = seen.cluster;
  return `the cluster through ${through} (${nodes?.length ?? 0} nodes, ${pods?.length ?? 0} pods)`;
}

/** The nodes that were looked at, in words. */
export function describeNodes(seen: Seen): string {
  return `${seen.nodes.size} nodes (${reportsOf(seen).length} answered)`;
}
