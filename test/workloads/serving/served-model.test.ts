import type { types } from "@pulumi/kubernetes";
import test from "ava";
import { stringify } from "yaml";
import { renderServingNamespace, servingNamespace } from "../../../workloads/serving/namespace.ts";
import { renderServing } from "../../../workloads/serving/served-model.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleServing } from "./example-model.ts";

test("the manifests of a served model are as they were", (t) => {
  const { namespace, networkPolicy: deny } = renderServingNamespace(servingNamespace);
  const { configMap, deployment, service, networkPolicy } = renderServing(exampleServing);
  const documents = [namespace, deny, configMap, deployment, service, networkPolicy].map((manifest) =>
    stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  matchesGolden(t, "workloads/served-model.yaml", documents.join("---\n"));
});

test("nodes have a pod each, a number of pods finds its nodes by itself, and never are two on one", (t) => {
  const named = renderServing(exampleServing).deployment.spec;
  t.is(named.replicas, 2);
  t.true(JSON.stringify(named.template.spec.affinity).includes('"values":["pi2","pi3"]'));
  const counted = renderServing({ ...exampleServing, placement: { count: 3 } }).deployment.spec;
  t.is(counted.replicas, 3);
  t.deepEqual(Object.keys(counted.template.spec.affinity), ["podAntiAffinity"]);
  for (const { template } of [named, counted])
    t.deepEqual(template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution, [
      { labelSelector: { matchLabels: template.metadata.labels }, topologyKey: "kubernetes.io/hostname" },
    ]);
});

test("a pod is Ready by the derived digest, and is served from its directory, which it cannot write to", (t) => {
  const { containers, volumes } = renderServing(exampleServing).deployment.spec.template.spec;
  const hex = exampleServing.derived.digest.slice("sha256:".length);
  t.true(containers[0]?.startupProbe.exec.command.at(-1)?.includes(hex.slice(0, 12)));
  t.true(containers[0]?.volumeMounts.some(({ name, ...rest }) => name === "served" && "readOnly" in rest));
  t.true(volumes.some((volume) => "hostPath" in volume && volume.hostPath.path.endsWith(`/${hex}`)));
});

test("no container has a capability, a privilege or a file system of its own to write to", (t) => {
  const { initContainers, containers } = renderServing(exampleServing).deployment.spec.template.spec;
  for (const { securityContext } of [...initContainers, ...containers])
    t.like(securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  t.true(containers.every(({ securityContext }) => securityContext.runAsNonRoot));
});

test("another context is another model: files, digest and pods change together", (t) => {
  const one = renderServing(exampleServing);
  const derived = { ...exampleServing.derived, digest: `sha256:${"e".repeat(64)}` };
  const other = renderServing({ ...exampleServing, derived });
  t.not(one.configMap.metadata.name, other.configMap.metadata.name);
  t.notDeepEqual(one.deployment.spec.template, other.deployment.spec.template);
  t.deepEqual(one.service, other.service);
});

test("only the port of the registry is open to the outside, TLS's where the site has none", (t) => {
  const ports = (registry: string | undefined) =>
    renderServing({ ...exampleServing, registry }).networkPolicy.spec.egress[0]?.ports.map(({ port }) => port);
  t.deepEqual(ports("192.168.7.11:5000"), [53, 53, 5000]);
  t.deepEqual(ports(undefined), [53, 53, 443]);
  t.throws(() => ports("192.168.7.11"), { message: /is no host:port/ });
});

test("a label too long for a Service, and a model derived for another label, are refused", (t) => {
  const label = "a".repeat(41);
  const derived = { ...exampleServing.derived, reference: `${label}:latest` };
  t.throws(() => renderServing({ ...exampleServing, label, derived }), { message: /is no label of a served model/ });
  t.throws(() => renderServing({ ...exampleServing, label: "coder" }), {
    message: /named assistant:latest, not coder/,
  });
});

test("Pulumi's types take the manifests as they are", (t) => {
  const { configMap, deployment, service, networkPolicy } = renderServing(exampleServing);
  const taken: [
    types.input.core.v1.ConfigMap,
    types.input.apps.v1.Deployment,
    types.input.core.v1.Service,
    types.input.networking.v1.NetworkPolicy,
  ] = [configMap, deployment, service, networkPolicy];
  t.is(taken.length, 4);
});
