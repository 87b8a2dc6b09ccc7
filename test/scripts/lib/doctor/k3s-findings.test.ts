import test from "ava";
import { createHash } from "node:crypto";
import { deriveSiteKeys } from "../../../../stacks/keys/site-keys.ts";
import { exampleNode, exampleRootSecret } from "../../../stacks/keys/example.ts";
import { k3sFindings } from "../../../../scripts/lib/doctor/k3s-findings.ts";
import { exampleSite, finder, healthySeen, ofEachNode, site, withNode } from "./healthy.ts";

const { findsNothing, findsOne, linesOf } = finder(ofEachNode(k3sFindings));

const refused = [
  "level=error msg=\"Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password'\"",
];

test("K3s that an update installed and that is gone is wrong, one that none has installed yet is noted", (t) => {
  const gone = { k3s: { role: null, unit: null, version: null, hasData: false, certificatesEnd: null } };
  findsOne(
    t,
    withNode("pi-4", gone, {
      ...healthySeen(),
      stack: { resources: ["pi-1-k3s", "pi-2-k3s", "pi-3-k3s", "pi-5-k3s"], pending: [], lock: [] },
    }),
    /^note pi-4: K3s is not installed yet/,
  );
  findsOne(
    t,
    withNode("pi-4", gone),
    /^wrong pi-4: K3s is not there, although an update installed it \| npm run up -- barn installs it again$/,
  );
});

test("a unit that failed says the cause that its journal tells of", (t) => {
  findsOne(
    t,
    withNode("pi-4", { k3s: { unit: "failed", journal: [...refused, "level=info msg=bye"] } }),
    /^wrong pi-4: k3s-agent\.service failed: another board has taken its name .* \| give one of both another name.*; then npm run up -- barn$/,
  );
});

test("a unit that failed for no known cause shows the end of its journal, cut to size", (t) => {
  const journal = ["one", "two", "three", `four ${"x".repeat(400)}`];
  const [line = "", ...others] = linesOf(withNode("pi-4", { k3s: { unit: "failed", journal } }));
  t.deepEqual(others, []);
  t.regex(
    line,
    /failed; its journal ends in\ntwo\nthree\nfour x{194}… \| see journalctl -u k3s-agent\.service on pi-4/,
  );
  findsOne(
    t,
    withNode("pi-4", { k3s: { unit: "failed" } }),
    /^wrong pi-4: k3s-agent\.service failed \| see journalctl/,
  );
});

test("a unit that is started again and again is wrong, one that just starts is a warning", (t) => {
  const starting = { unit: "activating", restarts: 0 };
  findsOne(
    t,
    withNode("pi-4", { k3s: { ...starting, restarts: 7 } }),
    /^wrong pi-4: k3s-agent\.service does not come up \(activating, started again 7 times\)/,
  );
  findsOne(
    t,
    withNode("pi-4", { k3s: { ...starting, journal: refused } }),
    /^wrong pi-4: .*started again 0 times\): another board/,
  );
  findsOne(t, withNode("pi-4", { k3s: starting }), /^warning pi-4: k3s-agent\.service is starting \(activating\)/);
});

test("a unit that somebody stopped is wrong, whatever its old journal says", (t) => {
  findsOne(
    t,
    withNode("pi-4", { k3s: { unit: "inactive", journal: refused } }),
    /^wrong pi-4: k3s-agent\.service is stopped \(inactive\) \| npm run up -- barn starts it again$/,
  );
});

test("one that runs, and was started again by itself, is noted", (t) => {
  findsOne(
    t,
    withNode("pi-4", { k3s: { restarts: 1 } }),
    /^note pi-4: k3s-agent\.service ended by itself and was started again once/,
  );
  findsNothing(t, withNode("pi-4", { k3s: { restarts: null } }));
});

test("an agent that the configuration has as another role", (t) => {
  const server = exampleNode({ role: "agent", address: "192.168.7.13" });
  const lines = linesOf(healthySeen(), { ...site, nodes: { ...site.nodes, "pi-3": server } });
  t.regex(
    lines.join("\n"),
    /^wrong pi-3: it runs as server, and the configuration says agent \| a role does not change in place/m,
  );
});

test("certificates: expired, about to end, and far from it", (t) => {
  findsOne(
    t,
    withNode("pi-4", { k3s: { certificatesEnd: "2027-03-01T12:00:00Z" } }),
    /^wrong pi-4: K3s's certificates expired on 2027-03-01 \| .*renews/,
  );
  findsOne(
    t,
    withNode("pi-4", { k3s: { certificatesEnd: "2027-04-01T00:00:00Z" } }),
    /^warning pi-4: K3s's certificates end on 2027-04-01/,
  );
  findsNothing(t, withNode("pi-4", { k3s: { certificatesEnd: "2027-05-01T00:00:00Z" } }));
  findsNothing(t, withNode("pi-4", { k3s: { certificatesEnd: null } }));
});

test("what was decided when the cluster was made", (t) => {
  const lines = linesOf(healthySeen(), exampleSite({ k3s: { clusterCidr: ["10.99.0.0/16"] } }));
  t.regex(
    lines.join("\n"),
    /^wrong pi-1: k3s\.clusterCidr was decided .* it is 10\.42\.0\.0\/16.* \| put it back in Pulumi\.barn\.yaml/m,
  );
});

test("a token of a former generation is replaced, and one of no known generation is refused", (t) => {
  const raised = exampleSite({ k3s: { tokenGeneration: 2 } });
  const keys = deriveSiteKeys(exampleRootSecret, raised);
  const lines = linesOf({ ...healthySeen(), keys }, raised);
  t.deepEqual(
    lines.filter((line) => line.includes("token")),
    ["pi-1", "pi-2", "pi-3"].map(
      (node) =>
        `warning ${node}: its token is of generation 1, and the configuration says 2 | npm run up -- barn replaces it`,
    ),
  );
  const tokenDigest = createHash("sha256").update("another").digest("hex");
  findsOne(
    t,
    withNode("pi-1", { k3s: { tokenDigest } }),
    /^wrong pi-1: its cluster's token is none of generation 1 \| where k3s\.tokenGeneration was lowered, raise it/,
  );
});
