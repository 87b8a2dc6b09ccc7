import test from "ava";
import type { Observation } from "../../../stacks/nodes/observe.ts";
import { parseSite } from "../../../stacks/config/parse.ts";
import { upgradePlan } from "../../../stacks/k3s/upgrade-plan.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { exampleK3s, exampleReport } from "../nodes/example-report.ts";
import { threeServers } from "./three-servers.ts";

const site = (version: string, maxUnavailable = 1) => {
  const value = threeServers();
  return parseSite("barn", { ...value, k3s: { ...value.k3s, version, maxUnavailable } });
};
const runs = (version: string): Observation => exampleReport({ k3s: exampleK3s({ hasData: true, version }) });
const silent = (node: string) =>
  new NodeUnavailable({ node, address: "192.168.7.1", port: 22, user: "bramble" }, "unreachable");
const nodes = ["pi-1", "pi-2", "pi-3", "pi-4", "pi-5"];
const all = (version: string) => new Map(nodes.map((node) => [node, runs(version)]));

test("nothing is upgraded where all run the configured release, or nothing runs yet", (t) => {
  t.deepEqual(upgradePlan(site("v1.34.2+k3s1"), all("v1.34.2+k3s1")), { refusals: [], lines: [] });
  t.deepEqual(upgradePlan(site("v1.34.2+k3s1"), new Map()), { refusals: [], lines: [] });
  const blank = new Map<string, Observation>([
    ["pi-1", exampleReport({ k3s: exampleK3s({ version: "v1.30.0+k3s1" }) })],
  ]);
  t.deepEqual(upgradePlan(site("v1.34.2+k3s1"), blank), { refusals: [], lines: [] }, "an executable without a cluster");
});

test("an upgrade names its nodes in their order", (t) => {
  t.deepEqual(upgradePlan(site("v1.35.4+k3s1"), all("v1.34.2+k3s1")), {
    refusals: [],
    lines: [
      "upgrade of K3s to v1.35.4+k3s1: after a snapshot, servers pi-1, pi-2, pi-3 one by one; then agents pi-4, pi-5, one at a time; each is drained first",
    ],
  });
});

test("an upgrade that was interrupted names what is left, and whom it could not ask", (t) => {
  const seen = all("v1.34.2+k3s1").set("pi-1", runs("v1.35.4+k3s1")).set("pi-5", silent("pi-5"));
  t.deepEqual(upgradePlan(site("v1.35.4+k3s1", 2), seen).lines, [
    "upgrade of K3s to v1.35.4+k3s1: after a snapshot, servers pi-2, pi-3 one by one; then agent pi-4, at most 2 at a time; each is drained first",
    "pi-5 did not answer: it is upgraded if it runs another K3s than v1.35.4+k3s1",
  ]);
});

test("no minor version is skipped, and none is gone back", (t) => {
  const { refusals: skipped } = upgradePlan(site("v1.36.0+k3s1"), all("v1.34.2+k3s1"));
  t.is(skipped.length, nodes.length);
  t.regex(skipped[0] ?? "", /^pi-1: runs K3s v1\.34\.2\+k3s1.*no minor version be skipped.*v1\.35 release first/);
  const { refusals: back } = upgradePlan(site("v1.34.1+k3s1"), all("v1.34.2+k3s1"));
  t.regex(back[0] ?? "", /which is older.*npm run restore/);
  t.is(
    upgradePlan(site("v1.34.2+k3s1"), all("v1.34.2+k3s2")).refusals.length,
    nodes.length,
    "K3s's own releases count too",
  );
  t.deepEqual(upgradePlan(site("v1.35.0+k3s1"), all("v1.34.9+k3s3")).refusals, []);
});
