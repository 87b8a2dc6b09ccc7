import test from "ava";
import fc from "fast-check";
import { parse } from "yaml";
import { renderConfig, renderRegistration } from "../../../stacks/k3s/config-file.ts";
import { configKeyProblem, unknownLineProblem } from "../../../stacks/k3s/config-keys.ts";
import { renderPlace } from "../../../stacks/k3s/place-file.ts";
import { exampleTokens, validSite } from "./valid-site.ts";

const [older, newer] = ["v1.34.2+k3s1", "v1.35.1+k3s1"];

test("options are taken where they have a meaning", (t) => {
  for (const version of [older, newer]) {
    for (const key of ["kubelet-arg", "debug", "bind-address", "enable-pprof", "node-external-ip"])
      for (const role of [undefined, "server", "agent"] as const)
        t.is(configKeyProblem(key, role, version), undefined, key);
    for (const key of ["tls-san", "flannel-backend", "cluster-dns", "kube-apiserver-arg", "etcd-s3-retention"]) {
      t.is(configKeyProblem(key, "server", version), undefined, key);
      for (const role of [undefined, "agent"] as const)
        t.is(configKeyProblem(key, role, version), "is an option of servers; put it under k3s.extra.server");
    }
    t.is(configKeyProblem("disable-apiserver-lb", "agent", version), undefined);
    for (const role of [undefined, "server"] as const)
      t.is(
        configKeyProblem("disable-apiserver-lb", role, version),
        "is an option of agents; put it under k3s.extra.agent",
      );
  }
});

test("what K3s would skip is refused, with what was meant", (t) => {
  const problem = (key: string) => configKeyProblem(key, "server", older);
  t.is(problem("tls-sans"), "is no option of K3s v1.34.2+k3s1, which would skip it; did you mean tls-san?");
  t.regex(problem("kubelet-args") ?? "", /did you mean kubelet-arg\?/);
  t.regex(problem("kubelet-arg+") ?? "", /did you mean kubelet-arg\?/);
  t.regex(problem("cluster-cidrs") ?? "", /did you mean cluster-cidr\?/);
  t.is(problem("colour"), "is no option of K3s v1.34.2+k3s1, which would skip it");
  // Gone since 1.29.
  t.regex(problem("multi-cluster-cidr") ?? "", /is no option/);
  for (const key of ["constructor", "__proto__", "toString", "", "token "]) t.regex(problem(key) ?? "", /is no option/);
});

test("an option that came with a patch release is known from that on, in each line", (t) => {
  const known = (version: string) => configKeyProblem("helm-controller-arg", "server", version) === undefined;
  const versions = ["v1.34.2+k3s1", "v1.34.9+k3s2", "v1.34.10+k3s1", "v1.34.11+k3s1", "v1.35.6+k3s1", "v1.35.7+k3s1"];
  t.deepEqual(versions.map(known), [false, false, true, true, false, true]);
  t.regex(configKeyProblem("helm-controller-arg", "agent", "v1.35.7+k3s1") ?? "", /option of servers/);
});

test("a line without a list is named, and those that have one", (t) => {
  t.is(unknownLineProblem(older), undefined);
  t.is(unknownLineProblem(newer), undefined);
  t.regex(unknownLineProblem("v1.33.5+k3s1") ?? "", /for v1\.34 and v1\.35, and none for v1\.33/);
  t.truthy(unknownLineProblem("v1.36.0+k3s1"));
});

test("whatever Bramble writes into K3s's files is an option, and nobody else's", (t) => {
  for (const name of ["site-minimal", "site-three-servers", "site-k3s-everything"] as const) {
    const site = validSite(name);
    site.k3s.extra = { all: {}, server: {}, agent: {} };
    for (const [node, { role }] of Object.entries(site.nodes)) {
      const files = [
        renderConfig(site, node, exampleTokens),
        renderRegistration(site, node) ?? "",
        renderPlace({ kind: "founds" }, { short: "token", pinned: "K10aa::server:token" }),
        renderPlace({ kind: "joins", through: "192.168.7.11" }, { short: "token", pinned: "K10aa::server:token" }),
      ];
      for (const key of files.flatMap((file) => Object.keys((parse(file) as object | null) ?? {}))) {
        if (["kubelet-arg", "tls-san"].includes(key)) t.is(configKeyProblem(key, role, newer), undefined, key);
        else t.regex(configKeyProblem(key, role, newer) ?? "", /is Bramble's to set|cannot be set/, key);
      }
    }
  }
});

test("what holds a secret has no place in the stack's file", (t) => {
  for (const key of [
    "token",
    "agent-token",
    "etcd-s3-access-key",
    "etcd-s3-secret-key",
    "etcd-s3-session-token",
    "vpn-auth",
  ])
    t.truthy(configKeyProblem(key, "server", newer), key);
});

test("a key with a letter too few or too many is never taken", (t) => {
  const keys = ["kubelet-arg", "tls-san", "cluster-dns", "service-node-port-range", "disable-network-policy"];
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.nat(30), fc.stringMatching(/^[a-z]?$/), (key, at, letter) => {
      const changed = key.slice(0, at) + letter + key.slice(at + 1);
      fc.pre(!keys.includes(changed));
      t.regex(configKeyProblem(changed, "server", newer) ?? "", /is no option of K3s/);
    }),
  );
});
