import test from "ava";
import { clusterFindings } from "../../../../scripts/lib/doctor/cluster-findings.ts";
import { k3sFindings } from "../../../../scripts/lib/doctor/k3s-findings.ts";
import { silenceFindings } from "../../../../scripts/lib/doctor/node-findings.ts";
import { finder, healthyCluster, healthySeen, member, ofEachNode, silent, withMembers, withNode } from "./healthy.ts";

const { findsNothing, findsOne, linesOf } = finder(clusterFindings, silenceFindings, ofEachNode(k3sFindings));

test("one server of three away: one more, and the cluster stops", (t) => {
  const lines = linesOf(withNode("pi-3", silent("pi-3"), withMembers(member("pi-3", { ready: "Unknown" }))));
  t.is(lines.length, 2, lines.join("\n"));
  t.regex(
    lines[0] ?? "",
    /^wrong cluster: 2 of 3 servers work \(not pi-3\): one more lost and the cluster stops \| bring pi-3 back; .*nodes\.pi-3\.generation: 2/,
  );
  t.regex(lines[1] ?? "", /^wrong pi-3: no answer/);
});

test("a server that only this machine does not reach works all the same", (t) => {
  findsOne(t, withNode("pi-3", silent("pi-3")), /^wrong pi-3: no answer/);
});

test("two servers of three away: the cluster stands still", (t) => {
  let seen = healthySeen({ cluster: undefined });
  for (const node of ["pi-2", "pi-3"]) seen = withNode(node, { k3s: { unit: "failed" } }, seen);
  const lines = linesOf(seen).join("\n");
  t.regex(lines, /^wrong cluster: 1 of 3 servers works \(not pi-2, pi-3\): etcd needs 2, so the cluster stands still/m);
  t.regex(lines, /^wrong cluster: no API answers/m);
});

test("an agent that is away costs no quorum", (t) => {
  findsOne(
    t,
    withNode("pi-4", silent("pi-4"), withMembers(member("pi-4", { ready: "Unknown" }))),
    /^wrong pi-4: no answer/,
  );
});

test("a node that is not Ready although its K3s runs; where that is down, it is told once", (t) => {
  const notReady = withMembers(member("pi-4", { ready: "False" }));
  findsOne(t, notReady, /^wrong pi-4: the cluster has it NotReady: the kubelet's word/);
  findsOne(t, withNode("pi-4", { k3s: { unit: "inactive" } }, notReady), /^wrong pi-4: k3s-agent\.service is stopped/);
});

test("a node that the cluster does not know, and one that the configuration does not", (t) => {
  const nodes = (healthyCluster().nodes ?? []).filter(({ metadata }) => metadata.name !== "pi-4");
  findsOne(
    t,
    healthySeen({ cluster: healthyCluster({ nodes }) }),
    /^wrong pi-4: its K3s runs, and the cluster does not know it/,
  );
  findsOne(
    t,
    withMembers(member("pi-9")),
    /^warning cluster: pi-9 is in the cluster and not in the configuration \| .*k3s kubectl delete node pi-9, on pi-1$/,
  );
  const seen = withMembers(member("pi-9"));
  const lines = linesOf({ ...seen, stack: { ...seen.stack, resources: [...seen.stack.resources, "pi-9-k3s"] } });
  t.regex(lines.join("\n"), /^warning cluster: pi-9 .* \| npm run up -- barn takes it out$/m);
});

test("pressure", (t) => {
  const conditions = [{ type: "MemoryPressure", status: "True", message: "kubelet has insufficient memory available" }];
  findsOne(
    t,
    withMembers(member("pi-4", { conditions })),
    /^warning pi-4: MemoryPressure: kubelet has insufficient memory/,
  );
});

test("a cordon of an update that was cut off, of one that runs, and of somebody's own", (t) => {
  const ours = withMembers(member("pi-4", { unschedulable: true, cordonedByUs: true }));
  findsOne(
    t,
    ours,
    /^warning pi-4: an update cordoned it and was cut off.* \| npm run up -- barn; if it stays so: k3s kubectl uncordon pi-4, on pi-1$/,
  );
  findsOne(t, withMembers(member("pi-4", { unschedulable: true })), /^note pi-4: somebody cordoned it/);
  const lock = [{ pid: 1, hostname: "here", alive: true }];
  t.regex(linesOf({ ...ours, stack: { ...ours.stack, lock } }).join("\n"), /^note pi-4: an update has emptied it/m);
  findsNothing(t, withMembers(member("pi-4", { cordonedByUs: true })));
});

test("what could not be read of the cluster is told, and nobody counts as missing from it", (t) => {
  findsOne(
    t,
    healthySeen({ cluster: healthyCluster({ nodes: undefined, problems: ["nodes cannot be read: timeout"] }) }),
    /^warning cluster: nodes cannot be read: timeout/,
  );
});
