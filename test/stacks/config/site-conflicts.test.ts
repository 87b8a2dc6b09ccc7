import test from "ava";
import fc from "fast-check";
import { parseSite } from "../../../stacks/config/parse.ts";
import { findSiteConflicts } from "../../../stacks/config/site-conflicts.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { threeServers } from "../k3s/three-servers.ts";

function messages(changes: Record<string, unknown>, nodes: Record<string, unknown> = {}): string[] {
  const site = threeServers();
  const given = { ...site, nodes: { ...site.nodes, ...nodes }, k3s: { ...site.k3s, ...changes } };
  return findSiteConflicts(given).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test("one server or three, and no other number", (t) => {
  for (const count of [0, 1, 2, 3, 4, 5, 7]) {
    const names = Array.from({ length: Math.max(count, 1) }, (_, index) => index);
    const role = count === 0 ? "agent" : "server";
    const nodes = Object.fromEntries(
      names.map((index) => [`pi-${index}`, { role, address: `192.168.7.${20 + index}` }]),
    );
    t.is(findSiteConflicts({ ...threeServers(), nodes }).length, count === 1 || count === 3 ? 0 : 1, String(count));
  }
});

test("a plain site has no conflicts, and neither have settings that go together", (t) => {
  t.deepEqual(messages({}), []);
  t.deepEqual(messages({ kubeVip: { address: "192.168.7.5" }, apiAddress: "k3s.example.org" }), []);
  t.deepEqual(messages({ kubeVip: { address: "192.168.7.5" }, apiAddress: "192.168.7.5" }), []);
  t.deepEqual(messages({ apiAddress: "192.168.7.12" }), []);
  t.deepEqual(messages({ apiAddress: "198.51.100.7" }), []);
  t.deepEqual(messages({ embeddedRegistry: true, registries: { mirrors: { "docker.io": {} } } }), []);
  t.deepEqual(messages({ registries: { insecure: ["nowhere.example.org"] } }), []);
  t.deepEqual(messages({ extra: { all: { "kubelet-arg": ["a=b"] }, agent: { "kubelet-arg": ["c=d"] } } }), []);
  t.deepEqual(messages({ version: "v1.99.0+k3s1" }), [], "a line without a list, and no key to check");
});

test("whoever gives nodes' parts of the pods' range another size answers for it", (t) => {
  const clusterCidr = ["10.42.0.0/25"];
  t.is(messages({ clusterCidr }).length, 1);
  const extra = { server: { "kube-controller-manager-arg": ["node-cidr-mask-size=28"] } };
  t.deepEqual(messages({ clusterCidr, extra }), []);
});

test("the same address in other letters is the same", (t) => {
  const network = { ...threeServers().network, ipv6: { method: "static", prefix: 64, gateway: "fd00::1" } };
  const nodes = { "pi-1": { role: "server", address: "192.168.7.11", address6: "FD00:0:0::11" } };
  const k3s = { ...threeServers().k3s, kubeVip: { address: "fd00::0011" } };
  t.deepEqual(
    findSiteConflicts({ ...threeServers(), network, nodes, k3s }).map(({ message }) => message),
    ["fd00::0011 is already the address of pi-1"],
  );
});

test("keys that objects have by themselves are as unknown as others", (t) => {
  for (const key of ["constructor", "toString", "valueOf"]) {
    t.regex(messages({ extra: { server: { [key]: "x" } } })[0] ?? "", /is no option of K3s/);
    t.regex(findSiteConflicts({ ...threeServers(), images: [{ nodes: [key] }] })[0]?.message ?? "", /there is no node/);
  }
});

test("whatever a configuration holds, it is read or refused with words for a person", (t) => {
  const keys = [
    "name",
    "network",
    "nodes",
    "k3s",
    "experiments",
    "images",
    "clusterCidr",
    "kubeVip",
    "extra",
    "registries",
  ];
  const anything = fc.anything({
    key: fc.oneof(fc.constantFrom(...keys), fc.string({ maxLength: 5 })),
    values: [
      fc.constantFrom("10.42.0.0/16", "192.168.7.11", "server", "fd00::1"),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    ],
    maxDepth: 4,
  });
  fc.assert(
    fc.property(fc.constantFrom(...keys), anything, fc.boolean(), (key, value, inK3s) => {
      const site = threeServers();
      const given = inK3s ? { ...site, k3s: { ...site.k3s, [key]: value } } : { ...site, [key]: value };
      try {
        parseSite("fixture", given);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});
