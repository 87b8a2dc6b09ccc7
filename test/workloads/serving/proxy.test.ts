import type { types } from "@pulumi/kubernetes";
import test from "ava";
import { stringify } from "yaml";
import { renderProxy, type ProxyArguments } from "../../../workloads/serving/proxy.ts";
import { renderServing, replicasOf } from "../../../workloads/serving/served-model.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleServing } from "./example-model.ts";
import { exampleClients, exampleKey } from "./example-proxy.ts";

const proxy: ProxyArguments = {
  namespace: "models",
  image: "docker.io/library/haproxy:3.2",
  models: { assistant: { replicas: replicasOf(exampleServing.placement), parallel: 1, queue: 8 } },
  defaultModel: "assistant",
  clients: exampleClients,
  replicas: 2,
  nodePort: 30080,
  clusterDomain: "cluster.local",
};

test("the manifests of the proxy are as they were", (t) => {
  const documents = Object.values(renderProxy(proxy)).map((manifest) =>
    stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  matchesGolden(t, "workloads/model-proxy.yaml", documents.join("---\n"));
});

test("the proxy asks where the model's Service and its policy let it", (t) => {
  const { configMap, networkPolicy, deployment } = renderProxy(proxy);
  const served = renderServing(exampleServing);
  t.true(configMap.data["haproxy.cfg"].includes(` ${served.service.metadata.name}.models.svc.cluster.local:11434 `));
  const allowed = served.networkPolicy.spec.ingress[0]?.from[0]?.podSelector.matchLabels;
  t.deepEqual(allowed, deployment.spec.template.metadata.labels);
  const out = networkPolicy.spec.egress.flatMap((rule) => ("to" in rule ? rule.to : []));
  t.like(served.deployment.spec.template.metadata.labels, out[0]?.podSelector.matchLabels ?? {});
});

test("a new client or another queue is a rolling change, and keys stand nowhere", (t) => {
  const before = renderProxy(proxy);
  const { alice } = exampleClients;
  const client = renderProxy({ ...proxy, clients: { alice } });
  t.not(client.secret.metadata.name, before.secret.metadata.name);
  t.is(client.configMap.metadata.name, before.configMap.metadata.name);
  const queue = renderProxy({ ...proxy, models: { assistant: { replicas: 2, parallel: 1, queue: 9 } } });
  t.not(queue.configMap.metadata.name, before.configMap.metadata.name);
  for (const changed of [client, queue])
    t.notDeepEqual(changed.deployment.spec.template, before.deployment.spec.template);
  t.false(JSON.stringify(before).includes(exampleKey));
});

test("what is mounted lies where the configuration looks for it", (t) => {
  const { configMap, secret, deployment } = renderProxy(proxy);
  const { containers } = deployment.spec.template.spec;
  t.deepEqual(
    containers[0]?.volumeMounts.map(({ mountPath }) => mountPath),
    ["/etc/bramble", "/keys"],
  );
  t.deepEqual(Object.keys(secret.stringData), ["clients.map"]);
  t.true(configMap.data["haproxy.cfg"].includes("map_str(/keys/clients.map)"));
});

test("Pulumi's types take the manifests as they are", (t) => {
  const { configMap, secret, deployment, service, metricsService, networkPolicy } = renderProxy(proxy);
  const taken: [
    types.input.core.v1.ConfigMap,
    types.input.core.v1.Secret,
    types.input.apps.v1.Deployment,
    types.input.core.v1.Service,
    types.input.core.v1.Service,
    types.input.networking.v1.NetworkPolicy,
  ] = [configMap, secret, deployment, service, metricsService, networkPolicy];
  t.is(taken.length, 6);
});
