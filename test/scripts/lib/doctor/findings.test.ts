import test from "ava";
import { findings } from "../../../../scripts/lib/doctor/findings.ts";
import { finder, healthyCluster, member, silent, withNode } from "./healthy.ts";
import { wholeSeen } from "./healthy-records.ts";

const { findsNothing, findsOne, linesOf } = finder(findings);

test("of a site that is well, nothing is said", (t) => {
  findsNothing(t, wholeSeen());
});

test("worst first, and among equals the site before its nodes, these in their order", (t) => {
  let seen = withNode("pi-5", silent("pi-5"), wholeSeen());
  seen = withNode("pi-2", { k3s: { unit: "inactive" } }, seen);
  seen = withNode("pi-4", { health: { rebootNeeded: ["firmware settings changed"] } }, seen);
  seen = withNode("pi-1", { k3s: { restarts: 2 } }, { ...seen, newestBackup: undefined });
  t.deepEqual(
    linesOf(seen).map((line) => line.split(":")[0]),
    ["wrong cluster", "wrong pi-2", "wrong pi-5", "warning cluster", "warning pi-4", "note pi-1"],
  );
});

test("a cluster that is dead on nodes that are dead is told all the same", (t) => {
  let seen = wholeSeen({ cluster: undefined });
  for (const node of seen.nodes.keys()) seen = withNode(node, silent(node), seen);
  const lines = linesOf(seen);
  t.is(lines.filter((line) => /^wrong pi-\d: no answer on/.test(line)).length, 5);
  t.regex(lines.join("\n"), /^wrong cluster: no API answers \(pi-1, pi-2, pi-3\)/m);
  t.regex(lines.join("\n"), /^wrong cluster: 0 of 3 servers work .*etcd needs 2, so the cluster stands still/m);
});

test("a node whose card was written again says what is gone, K3s once", (t) => {
  const gone = { role: null, unit: null, version: null, hasData: false, certificatesEnd: null };
  t.deepEqual(linesOf(withNode("pi-4", { k3s: gone, records: {} }, wholeSeen())), [
    "wrong pi-4: K3s is not there, although an update installed it | npm run up -- barn installs it again",
    "wrong pi-4: an update did preparation, access, and nothing of it is there: another card, or a disk that was emptied | npm run up -- barn does it again",
  ]);
});

test("a stopped K3s is told once, whatever else follows from it", (t) => {
  const { cluster } = wholeSeen();
  const nodes = (cluster?.nodes ?? []).map((node) =>
    node.metadata.name === "pi-4" ? member("pi-4", { ready: "Unknown", kubelet: "v1.34.1+k3s1" }) : node,
  );
  const seen = withNode("pi-4", { k3s: { unit: "inactive" } }, wholeSeen({ cluster: healthyCluster({ nodes }) }));
  findsOne(t, seen, /^wrong pi-4: k3s-agent\.service is stopped/);
});

test("a site that was never brought up has warnings and notes, and nothing wrong", (t) => {
  let seen = wholeSeen({
    cluster: undefined,
    newestBackup: undefined,
    stack: { resources: ["barn"], pending: [], lock: [] },
  });
  for (const node of seen.nodes.keys()) seen = withNode(node, silent(node), seen);
  const blank = { role: null, unit: null, restarts: null, version: null, hasData: false, certificatesEnd: null };
  const nothing = { ...blank, tokenDigest: null, decided: null, snapshots: null };
  seen = withNode("pi-1", { facts: { clusterAuthority: null }, k3s: nothing, records: {} }, seen);
  const lines = linesOf(seen);
  t.true(
    lines.every((line) => !line.startsWith("wrong")),
    lines.join("\n"),
  );
  t.regex(lines.join("\n"), /^note stack: no update has brought this site up yet \| npm run up -- barn$/m);
  t.regex(lines.join("\n"), /^warning pi-2: no answer on .*npm run flash -- barn pi-2/m);
  t.regex(lines.join("\n"), /^note pi-1: K3s is not installed yet \| npm run up -- barn$/m);
});
