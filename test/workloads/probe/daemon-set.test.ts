import type { types } from "@pulumi/kubernetes";
import test from "ava";
import { stringify } from "yaml";
import { podFiles } from "../../../workloads/pod-files.ts";
import { probePort, probeUrl, renderProbe } from "../../../workloads/probe/daemon-set.ts";
import { matchesGolden } from "../../golden.ts";

const files = { files: { "main.ts": "// the probe\n", "package.json": "{}\n" }, digest: "d".repeat(64) };
const given = { namespace: "bramble", image: "bramble/node:24", files };

test("the manifests are as they were", (t) => {
  const { configMap, daemonSet } = renderProbe(given);
  const documents = [configMap, daemonSet].map((manifest) =>
    stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  matchesGolden(t, "workloads/probe.yaml", documents.join("---\n"));
});

test("nothing of the node can be written but the directory of samples", (t) => {
  const { containers, volumes } = renderProbe({ ...given, recordedSys: "/var/lib/recorded" }).daemonSet.spec.template
    .spec;
  const hosts = volumes.flatMap((volume) => ("hostPath" in volume ? [volume.name] : []));
  const writable = containers[0]?.volumeMounts.filter((mount) => !("readOnly" in mount)).map(({ name }) => name);
  t.true(hosts.length > 3);
  t.deepEqual(writable, ["samples"]);
});

test("recordings stand for a twin's /sys, and its control groups stay its own", (t) => {
  const spec = renderProbe({ ...given, recordedSys: "/var/lib/recorded" }).daemonSet.spec.template.spec;
  const value = (name: string) => spec.containers[0]?.env.find((each) => each.name === name);
  t.like(value("SYS"), { value: "/host/sys" });
  t.like(value("CGROUPS"), { value: "/host/cgroup" });
  t.true(spec.volumes.some((volume) => "hostPath" in volume && volume.hostPath.path === "/var/lib/recorded"));
});

test("its source needs nothing but Node and fits into a ConfigMap, and another source is another pod", (t) => {
  const real = podFiles("probe");
  t.true("main.ts" in real.files && !("daemon-set.ts" in real.files));
  const other = renderProbe({ ...given, files: real });
  t.true(JSON.stringify(other.configMap).length < 2 ** 20 / 8);
  t.notDeepEqual(other.daemonSet.spec.template, renderProbe(given).daemonSet.spec.template);
});

test("a node's probe is reached at the node's address", (t) => {
  t.is(probeUrl("192.168.7.12"), `http://192.168.7.12:${probePort}/`);
  t.is(new URL(probeUrl("fd00::12")).hostname, "[fd00::12]");
});

test("Pulumi's types take the manifests as they are", (t) => {
  const { configMap, daemonSet } = renderProbe(given);
  const taken: [types.input.core.v1.ConfigMap, types.input.apps.v1.DaemonSet] = [configMap, daemonSet];
  t.is(taken.length, 2);
});
