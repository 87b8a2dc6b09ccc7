import test from "ava";
import { upgradeFindings } from "../../../../scripts/lib/doctor/upgrade-findings.ts";
import { exampleSite, finder, healthySeen, member, withMembers, withNode } from "./healthy.ts";

const { findsNothing, findsOne, linesOf } = finder(upgradeFindings);

const wanting = (version: string) => exampleSite({ k3s: { version } });

test("an upgrade that was not begun, that is half done, and that is done", (t) => {
  const next = wanting("v1.35.1+k3s1");
  findsOne(
    t,
    healthySeen(),
    /^note cluster: the configuration asks for K3s v1\.35\.1\+k3s1, and another runs: pi-1 \(v1\.34\.2\+k3s1\), pi-2.* \| npm run up -- barn upgrades it node by node/,
    next,
  );
  let seen = withMembers(...["pi-1", "pi-2"].map((node) => member(node, { kubelet: "v1.35.1+k3s1" })));
  for (const node of ["pi-1", "pi-2"]) seen = withNode(node, { k3s: { version: "v1.35.1+k3s1" } }, seen);
  findsOne(
    t,
    seen,
    /^warning cluster: the upgrade to K3s v1\.35\.1\+k3s1 is half done: pi-1, pi-2 have it, not yet pi-3 \(v1\.34\.2\+k3s1\), pi-4/,
    next,
  );
  findsNothing(t, healthySeen(), wanting("v1.34.2+k3s1"));
});

test("a release that an update refuses", (t) => {
  const skipped = linesOf(healthySeen(), wanting("v1.36.0+k3s1"));
  t.is(skipped.length, 5);
  t.regex(
    skipped[0] ?? "",
    /^wrong pi-1: runs K3s v1\.34\.2\+k3s1, and the configuration asks for v1\.36\.0\+k3s1: .* skipped \| upgrade to a v1\.35 release first$/,
  );
  const back = linesOf(healthySeen(), wanting("v1.33.0+k3s1"));
  t.regex(back[0] ?? "", /^wrong pi-1: .*which is older.* \| set k3s\.version to v1\.34\.2\+k3s1 or newer/);
});

test("a K3s that was replaced and not restarted", (t) => {
  findsOne(
    t,
    withMembers(member("pi-4", { kubelet: "v1.34.1+k3s1" })),
    /^warning pi-4: the cluster knows it by K3s v1\.34\.1\+k3s1, and v1\.34\.2\+k3s1 lies there/,
  );
  const seen = withMembers(member("pi-4", { kubelet: "v1.34.1+k3s1" }));
  findsNothing(t, withNode("pi-4", { k3s: { unit: "inactive" } }, seen));
});

test("a kubelet that is newer than the servers, or much older", (t) => {
  const skewed = (kubelet: string) =>
    linesOf(withNode("pi-4", { k3s: { version: null } }, withMembers(member("pi-4", { kubelet }))));
  t.regex(
    skewed("v1.35.0+k3s1").join("\n"),
    /^wrong pi-4: its kubelet \(v1\.35\.0\+k3s1\) is newer than the servers' Kubernetes 1\.34/m,
  );
  t.regex(skewed("v1.30.0+k3s1").join("\n"), /^wrong pi-4: .* too old for the servers'/m);
  t.deepEqual(skewed("v1.31.0+k3s1"), []);
});
