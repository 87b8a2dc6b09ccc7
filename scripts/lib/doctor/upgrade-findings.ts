import { agentsOf, nodeOf, serversOf, type Site } from "../../../stacks/config/site.ts";
import { upgradePlan } from "../../../stacks/k3s/upgrade-plan.ts";
import { parseVersion } from "../../../stacks/k3s/version.ts";
import { splitAdvice, type Finding } from "./finding.ts";
import { reportsOf, upCommand, type Seen } from "./seen.ts";

/** K3s of another release than the configuration's, or of several. */
export function upgradeFindings(site: Site, seen: Seen): Finding[] {
  return [...plannedFindings(site, seen), ...kubeletFindings(site, seen)];
}

function plannedFindings(site: Site, seen: Seen): Finding[] {
  const wanted = site.k3s.version;
  const reports = reportsOf(seen);
  const { refusals } = upgradePlan(site, new Map(reports));
  if (refusals.length > 0)
    return refusals.map((refusal): Finding => {
      const { what, next } = splitAdvice(refusal.replace(/^[^:]*: /, ""), "set k3s.version to what runs");
      return { severity: "wrong", where: refusal.split(": ")[0] ?? "cluster", what, next };
    });
  const members = reports.flatMap(([node, { k3s }]) =>
    k3s.hasData && k3s.version !== null ? [{ node, version: k3s.version }] : [],
  );
  const [outdated, done] = [
    members.filter(({ version }) => version !== wanted),
    members.filter(({ version }) => version === wanted),
  ];
  if (outdated.length === 0) return [];
  const old = outdated.map(({ node, version }) => `${node} (${version})`).join(", ");
  const up = upCommand(seen);
  return done.length === 0
    ? [
        {
          severity: "note",
          where: "cluster",
          what: `the configuration asks for K3s ${wanted}, and another runs: ${old}`,
          next: `${up} upgrades it node by node`,
        },
      ]
    : [
        {
          severity: "warning",
          where: "cluster",
          what: `the upgrade to K3s ${wanted} is half done: ${done.map(({ node }) => node).join(", ")} ${done.length === 1 ? "has" : "have"} it, not yet ${old}`,
          next: `${up} goes on from there`,
        },
      ];
}

/** What runs, as the cluster knows it, against what lies on the nodes, and against the servers. */
function kubeletFindings(site: Site, seen: Seen): Finding[] {
  const kubelets = new Map(
    (seen.cluster?.nodes ?? []).map(({ metadata, status }) => [metadata.name, status.nodeInfo?.kubeletVersion]),
  );
  const findings = reportsOf(seen).flatMap(([node, { k3s }]): Finding[] => {
    const runs = kubelets.get(node);
    if (runs === undefined || runs === "" || k3s.version === null || k3s.unit !== "active" || runs === k3s.version)
      return [];
    const what = `the cluster knows it by K3s ${runs}, and ${k3s.version} lies there: it was not restarted, or has not joined since`;
    return [{ severity: "warning", where: node, what, next: `${upCommand(seen)} restarts it` }];
  });
  const minor = (node: string) => parseVersion(kubelets.get(node) ?? "")?.minor;
  const oldest = Math.min(...serversOf(site).map(({ name }) => minor(name) ?? Infinity));
  // (kubernetes.io/releases/version-skew-policy: a kubelet may be three minor versions older than the API server, and none newer.)
  const skewed = agentsOf(site).filter(({ name }) => {
    const own = minor(name);
    return own !== undefined && oldest !== Infinity && (own > oldest || own < oldest - 3);
  });
  return [
    ...findings,
    ...skewed.map(({ name }): Finding => ({
      severity: "wrong",
      where: name,
      what: `its kubelet (${kubelets.get(name) ?? ""}) is ${(minor(name) ?? 0) > oldest ? "newer than the servers'" : "too old for the servers'"} Kubernetes 1.${oldest}`,
      next: `${upCommand(seen)} brings ${nodeOf(site, name).role}s and servers to the same release`,
    })),
  ];
}
