import type { types } from "@pulumi/kubernetes";
import test from "ava";
import { stringify } from "yaml";
import { modelDirectory, servedDirectory } from "../../../workloads/ollama/model-store.ts";
import { ollamaUrl, renderOllama } from "../../../workloads/ollama/server.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleServer } from "../example-plan.ts";

const gemma = { reference: "gemma3:270m", digest: `sha256:${"5".repeat(64)}`, bytes: 291_554_930 };
const llama = { reference: "llama3.2:1b", digest: `sha256:${"6".repeat(64)}`, bytes: null };
const experiment = {
  namespace: "threads-2",
  models: [gemma],
  settings: exampleServer,
  image: "docker.io/bramble/ollama:0.17.4-000000000000",
  node: "pi2",
  registry: "10.99.1.1:5000",
  memory: "2048Mi",
};

test("the manifests are as they were", (t) => {
  const { deployment, service } = renderOllama(experiment);
  const documents = [deployment, service].map((manifest) =>
    stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  matchesGolden(t, "workloads/ollama.yaml", documents.join("---\n"));
});

test("without a registry of the site the model comes from where its name says, by TLS", (t) => {
  const { deployment } = renderOllama({ ...experiment, registry: undefined });
  const environment = Object.fromEntries(
    deployment.spec.template.spec.initContainers[0]?.env.map(({ name, value }) => [name, value]) ?? [],
  );
  t.like(environment, {
    SOURCE: "registry.ollama.ai/library/gemma3:270m",
    REFERENCE: "registry.ollama.ai/library/gemma3:270m",
    INSECURE: "",
  });
});

test("a model's directory is its digest's, so two models of one name never share one", (t) => {
  t.is(modelDirectory(`sha256:${"a".repeat(64)}`), `/var/lib/bramble/models/${"a".repeat(64)}`);
});

test("several models are fetched one after the other, then laid side by side into a directory of their own", (t) => {
  const { deployment } = renderOllama({ ...experiment, models: [gemma, llama] });
  const { initContainers, volumes } = deployment.spec.template.spec;
  t.deepEqual(
    initContainers.map(({ name }) => name),
    ["fetch-model-0", "fetch-model-1", "lay-out-models"],
  );
  const served = servedDirectory([gemma, llama]);
  t.regex(served, /^\/var\/lib\/bramble\/models\/sets\/[0-9a-f]{12}$/);
  t.is(servedDirectory([llama, gemma]), served);
  t.true(volumes.some((volume) => "hostPath" in volume && volume.hostPath.path === served));
  t.like(
    initContainers.at(-1)?.env.find(({ name }) => name === "SET"),
    { value: served.replace("/var/lib/bramble/models", "/store") },
  );
});

test("the service answers where the benchmark asks", (t) => {
  const { service } = renderOllama(experiment);
  t.is(ollamaUrl("pi2"), `http://${service.metadata.name}:${service.spec.ports[0]?.port ?? ""}`);
});

test("Pulumi's types take the manifests as they are", (t) => {
  const { deployment, service } = renderOllama(experiment);
  const taken: [types.input.apps.v1.Deployment, types.input.core.v1.Service] = [deployment, service];
  t.is(taken.length, 2);
});
