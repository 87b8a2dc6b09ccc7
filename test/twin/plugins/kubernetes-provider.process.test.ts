import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";
import provider from "@pulumi/pulumi/proto/provider_pb.js";
import status from "@pulumi/pulumi/proto/status_pb.js";
import type { ExecutionContext, TestFn } from "ava";
import anyTest from "ava";
import { textAt, without } from "../../../twin/plugins/kubernetes/objects.ts";
import type { PropertyMap } from "../../../twin/plugins/property-values.ts";
import { isSecret, readProperties, reveal, unknownValue } from "../../../twin/plugins/property-values.ts";
import { kubernetesVersion } from "../../../twin/plugins/versions.ts";
import { FakeApiServer } from "./kubernetes/fake-api-server.ts";
import type { RunningPlugin } from "./plugin-client.ts";
import { startPlugin } from "./plugin-client.ts";
import type { Stored } from "./provider-client.ts";
import { ProviderClient } from "./provider-client.ts";

interface Lab {
  server: FakeApiServer;
  address: string;
  plugin: RunningPlugin;
  client: ProviderClient;
}
// Serially: to start a process for each test would take longer than all tests, and a process has one configuration.
const test = (anyTest as TestFn<Lab>).serial;
let plugin: RunningPlugin;
let client: ProviderClient;

test.before(async () => {
  plugin = await startPlugin("kubernetes-provider.ts");
  client = new ProviderClient(plugin.address);
});

test.after.always(async () => {
  client.grpc.close();
  await plugin.stop();
});

test.beforeEach(async (t) => {
  const server = new FakeApiServer();
  const address = await server.listen();
  server.objects.set("/api/v1/namespaces/lab", { kind: "Namespace" });
  await client.configure({ "kubernetes:config:kubeconfig": kubeconfig(address), "kubernetes:config:namespace": "lab" });
  plugin.logs.length = 0;
  t.context = { server, address, plugin, client };
});

test.afterEach.always((t) => {
  t.context.server.close();
});

function kubeconfig(server: string): string {
  return JSON.stringify({
    clusters: [{ name: "c", cluster: { server, "insecure-skip-tls-verify": true } }],
    users: [{ name: "u", user: { token: "t" } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
}

const urn = (type: string) => `urn:pulumi:dev::bramble::kubernetes:${type}::thing`;
const configMap = (data: PropertyMap, metadata: PropertyMap = { name: "x", namespace: "lab" }): PropertyMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata,
  data,
});
const configMaps = "/api/v1/namespaces/lab/configmaps";
const deployments = "/apis/apps/v1/namespaces/lab/deployments";
const deployment = (image: string, annotations: PropertyMap = {}): PropertyMap => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "lab", annotations },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: "web" } },
    template: { spec: { containers: [{ name: "c", image }] } },
  },
});
const rolledOut = { observedGeneration: 99, updatedReplicas: 1, replicas: 1, availableReplicas: 1 };

async function initializationFailure(t: ExecutionContext<Lab>, attempt: Promise<unknown>) {
  const error = await t.throwsAsync<grpc.ServiceError>(attempt);
  const [packed] = error.metadata.get("grpc-status-details-bin");
  const [detail] = status.Status.deserializeBinary(packed as Buffer).getDetailsList();
  t.is(detail?.getTypeName(), "pulumirpc.ErrorResourceInitFailed");
  const failed = provider.ErrorResourceInitFailed.deserializeBinary(detail?.getValue_asU8() ?? new Uint8Array());
  return { id: failed.getId(), properties: readProperties(failed.getProperties()), reasons: failed.getReasonsList() };
}

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

test("its version is the one that the npm package asks for", (t) => {
  const manifest = createRequire(import.meta.url)("@pulumi/kubernetes/package.json") as { version: string };
  t.is(kubernetesVersion, manifest.version);
});

test("create applies with a field manager of its own and keeps the live object, the inputs and how it was made", async (t) => {
  const { client, server } = t.context;
  const { inputs } = await client.check(urn("core/v1:ConfigMap"), {
    apiVersion: "v1",
    kind: "ConfigMap",
    data: { a: "1" },
  });
  const { id, properties } = await client.create(urn("core/v1:ConfigMap"), inputs);
  const name = textAt(inputs, "metadata", "name");
  t.regex(name, /^thing-[0-9a-f]{8}$/);
  t.is(id, `lab/${name}`);
  t.like(properties, { __initialApiVersion: "v1", __inputs: inputs, data: { a: "1" } });
  t.is(textAt(properties, "metadata", "uid"), "uid-1");
  const applied = server.requests.find(({ method }) => method === "PATCH");
  t.like(applied, { path: `${configMaps}/${name}`, contentType: "application/apply-patch+yaml" });
  t.deepEqual(applied?.query, { fieldManager: properties.__fieldManager as string, force: "false" });
  t.regex(properties.__fieldManager as string, /^pulumi-kubernetes-[0-9a-f]{8}$/);
});

test("update applies under the same field manager; patchForce takes fields over", async (t) => {
  const { client, server } = t.context;
  const old = await client.create(urn("core/v1:ConfigMap"), configMap({ a: "1" }));
  const metadata = { name: "x", namespace: "lab", annotations: { "pulumi.com/patchForce": "true" } };
  const updated = await client.update(urn("core/v1:ConfigMap"), old, configMap({ a: "2" }, metadata));
  t.is(updated.__fieldManager, old.properties.__fieldManager);
  t.deepEqual(server.objects.get(`${configMaps}/x`)?.data, { a: "2" });
  t.like(server.requests.findLast(({ method }) => method === "PATCH")?.query, { force: "true" });
});

test("update leaves ignored fields to those who fill them; an object that is gone is no update", async (t) => {
  const { client, server } = t.context;
  const old = await client.create(urn("core/v1:ConfigMap"), configMap({ a: "1" }));
  server.objects.set(`${configMaps}/x`, { ...configMap({ a: "theirs" }), metadata: { name: "x", namespace: "lab" } });
  const bare = without(configMap({}), "data");
  await client.update(urn("core/v1:ConfigMap"), old, bare, { ignoreChanges: ["data"] });
  t.false("data" in (server.objects.get(`${configMaps}/x`) ?? {}));
  server.objects.delete(`${configMaps}/x`);
  await t.throwsAsync(client.update(urn("core/v1:ConfigMap"), old, configMap({})), { message: /not found/ });
});

test("creating what exists fails, or adopts it where the Provider says so", async (t) => {
  const { client, address } = t.context;
  await client.create(urn("core/v1:ConfigMap"), configMap({ a: "1" }));
  await t.throwsAsync(client.create(urn("core/v1:ConfigMap"), configMap({ a: "2" })), {
    message: /lab\/x already exists/,
  });
  await client.configure({
    "kubernetes:config:kubeconfig": kubeconfig(address),
    "kubernetes:config:upsertExistingObjects": "true",
  });
  t.is((await client.create(urn("core/v1:ConfigMap"), configMap({ a: "2" }))).id, "lab/x");
});

test("a namespace that is still to come is waited for", async (t) => {
  const { client, server, plugin } = t.context;
  server.objects.delete("/api/v1/namespaces/lab");
  const created = client.create(urn("core/v1:ConfigMap"), configMap({ a: "1" }));
  await eventually(() => plugin.logs.some(({ message }) => message.startsWith("retry 1 of 4")));
  server.objects.set("/api/v1/namespaces/lab", { kind: "Namespace" });
  t.is((await created).id, "lab/x");
});

test("what the API server refuses fails in its words; what it puts off is sent again", async (t) => {
  const { client, server } = t.context;
  server.refusals.set(`PATCH ${configMaps}/x`, { status: 422, message: "data: Invalid value" });
  await t.throwsAsync(client.create(urn("core/v1:ConfigMap"), configMap({})), { message: /data: Invalid value/ });
  server.refusals.set(`PATCH ${configMaps}/x`, { status: 409, message: 'conflict with "kubectl"' });
  const conflict = client.create(urn("core/v1:ConfigMap"), configMap({}));
  await t.throwsAsync(conflict, { message: /field conflict.*kubectl.*pulumi\.com\/patchForce/ });
  server.refusals.set(`PATCH ${configMaps}/x`, { status: 429, message: "busy", retryAfter: "0" });
  t.is((await client.create(urn("core/v1:ConfigMap"), configMap({}))).id, "lab/x");
});

test("a preview changes nothing, and does without the cluster where it must", async (t) => {
  const { client, server, address } = t.context;
  const preview = { preview: true };
  const created = await client.create(urn("core/v1:ConfigMap"), configMap({ a: "1" }), preview);
  t.is(created.id, "");
  t.truthy(textAt(created.properties, "metadata", "uid"));
  t.false(server.objects.has(`${configMaps}/x`));
  const unknown = configMap({ a: unknownValue });
  t.deepEqual((await client.create(urn("core/v1:ConfigMap"), unknown, preview)).properties, unknown);
  const lost = configMap({ a: "1" }, { name: "x", namespace: "to-come" });
  t.deepEqual((await client.create(urn("core/v1:ConfigMap"), lost, preview)).properties, lost);

  const old = await client.create(urn("core/v1:ConfigMap"), configMap({ a: "1" }));
  const updated = await client.update(urn("core/v1:ConfigMap"), old, configMap({ a: "2" }), preview);
  t.is(textAt(updated, "metadata", "uid"), textAt(old.properties, "metadata", "uid"));
  t.deepEqual(server.objects.get(`${configMaps}/x`)?.data, { a: "1" });

  server.close();
  const inputs = configMap({ a: "3" });
  t.deepEqual((await client.create(urn("core/v1:ConfigMap"), inputs, preview)).properties, inputs);
  t.deepEqual(await client.update(urn("core/v1:ConfigMap"), old, inputs, preview), inputs);
  await t.throwsAsync(client.create(urn("core/v1:ConfigMap"), inputs), {
    message: new RegExp(`unreachable: ${address}`),
  });
});

test("without a kubeconfig, previews work and nothing else does", async (t) => {
  const { client } = t.context;
  await client.configure({});
  t.deepEqual(
    (await client.create(urn("core/v1:ConfigMap"), configMap({}), { preview: true })).properties,
    configMap({}),
  );
  await t.throwsAsync(client.create(urn("core/v1:ConfigMap"), configMap({})), {
    message: /unreachable: the Provider has no kubeconfig/,
  });
});

test("diff replaces what cannot be changed in place", async (t) => {
  const { client } = t.context;
  const inputs = configMap({ a: "1" });
  const old = { inputs, state: { ...inputs, __inputs: inputs } };
  t.deepEqual(await client.diff(urn("core/v1:ConfigMap"), old, configMap({ a: "2" })), {
    changed: true,
    replaces: ["data.a"],
    deleteBeforeReplace: true,
    paths: ["data.a"],
  });
  t.like(await client.diff(urn("core/v1:ConfigMap"), old, inputs), { changed: false, replaces: [] });
});

test("a Secret's data is secret in inputs and state, given as data or stringData", async (t) => {
  const { client } = t.context;
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s", namespace: "lab" },
    stringData: { p: "s3cret" },
  };
  const { inputs } = await client.check(urn("core/v1:Secret"), secret);
  const { properties } = await client.create(urn("core/v1:Secret"), inputs);
  const stored = properties.__inputs as PropertyMap;
  t.true(isSecret(inputs.stringData) && isSecret(properties.stringData) && isSecret(stored.stringData));
  t.deepEqual(reveal(stored.stringData ?? null), { p: "s3cret" });
});

test("a Deployment is awaited, and one sees for what", async (t) => {
  const { client, server, plugin } = t.context;
  const path = `${deployments}/web`;
  server.lists.set("/api/v1/namespaces/lab/pods", [
    {
      metadata: { name: "web-1" },
      status: {
        containerStatuses: [{ name: "c", state: { waiting: { reason: "ErrImagePull", message: "no such image" } } }],
      },
    },
  ]);
  const created = client.create(urn("apps/v1:Deployment"), deployment("a"));
  await eventually(() =>
    plugin.logs.some(({ message }) => /new specification; Pod web-1.*ErrImagePull: no such image/.test(message)),
  );
  server.objects.set(path, { ...server.objects.get(path), status: rolledOut });
  t.deepEqual((await created).properties.status, rolledOut);
  t.like(plugin.logs.at(-1), { message: "", ephemeral: true });
});

test("a Deployment that does not roll out in time stays in the state, with the reasons", async (t) => {
  const { client, server } = t.context;
  server.lists.set("/api/v1/namespaces/lab/pods", [
    {
      metadata: { name: "web-1" },
      status: { conditions: [{ type: "PodScheduled", reason: "Unschedulable", message: "0/2 nodes" }] },
    },
  ]);
  server.lists.set("/api/v1/namespaces/lab/events", [
    { involvedObject: { name: "web-1" }, reason: "FailedScheduling", message: "too big", lastTimestamp: "2" },
    { involvedObject: { name: "other" }, reason: "Other", message: "not ours", lastTimestamp: "3" },
  ]);
  const failed = await initializationFailure(
    t,
    client.create(urn("apps/v1:Deployment"), deployment("a"), { timeout: 0.2 }),
  );
  t.is(failed.id, "lab/web");
  t.like(failed.properties, { kind: "Deployment", __initialApiVersion: "apps/v1" });
  t.regex(failed.reasons[0] ?? "", /exists, but is not ready: timed out after 0\.2 s, waiting for/);
  t.deepEqual(failed.reasons.slice(1), [
    "Pod web-1: cannot be scheduled: 0/2 nodes",
    "web-1: FailedScheduling: too big",
  ]);
  const again = await initializationFailure(
    t,
    client.update(urn("apps/v1:Deployment"), failed, deployment("b"), { timeout: 0.2 }),
  );
  t.is(textAt(again.properties, "metadata", "uid"), textAt(failed.properties, "metadata", "uid"));
});

test("skipAwait does not wait; for other kinds there is nothing to wait for", async (t) => {
  const { client } = t.context;
  const created = await client.create(urn("apps/v1:Deployment"), deployment("a", { "pulumi.com/skipAwait": "true" }));
  t.is(created.id, "lab/web");
});

test("a Job is awaited until it completes; one that fails fails at once", async (t) => {
  const { client, server } = t.context;
  const job = (name: string): PropertyMap => ({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace: "lab" },
    spec: {},
  });
  const finish = async (name: string, condition: PropertyMap) => {
    const path = `/apis/batch/v1/namespaces/lab/jobs/${name}`;
    await eventually(() => server.objects.has(path));
    server.objects.set(path, { ...server.objects.get(path), status: { conditions: [condition] } });
  };
  const good = client.create(urn("batch/v1:Job"), job("good"));
  await finish("good", { type: "Complete", status: "True" });
  t.is((await good).id, "lab/good");
  const bad = client.create(urn("batch/v1:Job"), job("bad"));
  await finish("bad", { type: "Failed", status: "True", reason: "BackoffLimitExceeded", message: "too often" });
  const failed = await initializationFailure(t, bad);
  t.regex(failed.reasons[0] ?? "", /BackoffLimitExceeded: too often/);
});

test("a Service is awaited until a Pod stands behind it, unless it is headless or points elsewhere", async (t) => {
  const { client, server, plugin } = t.context;
  const service = (name: string, spec: PropertyMap): PropertyMap => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "lab" },
    spec,
  });
  const slices = "/apis/discovery.k8s.io/v1/namespaces/lab/endpointslices";
  server.lists.set(slices, [{ endpoints: [{ conditions: { ready: false } }] }]);
  for (const [name, spec] of [
    ["headless", { clusterIP: "None", selector: { a: "b" } }],
    ["elsewhere", { type: "ExternalName" }],
    ["by-hand", {}],
  ] as const) {
    t.is((await client.create(urn("core/v1:Service"), service(name, spec))).id, `lab/${name}`);
  }
  const created = client.create(urn("core/v1:Service"), service("web", { selector: { a: "b" } }));
  await eventually(() => plugin.logs.some(({ message }) => message.includes("a ready Pod to direct traffic to")));
  server.lists.set(slices, [{ endpoints: [{ conditions: { ready: true } }] }]);
  t.is((await created).id, "lab/web");
});

test("cancel ends the waiting; the object stays in the state", async (t) => {
  const own = await startPlugin("kubernetes-provider.ts");
  const ownClient = new ProviderClient(own.address);
  await ownClient.configure({ "kubernetes:config:kubeconfig": kubeconfig(t.context.address) });
  const created = ownClient.create(urn("apps/v1:Deployment"), deployment("a"));
  await eventually(() => own.logs.some(({ message }) => message.startsWith("waiting for")));
  await ownClient.cancel();
  const failed = await initializationFailure(t, created);
  t.regex(failed.reasons[0] ?? "", /cancelled while waiting/);
  ownClient.grpc.close();
  await own.stop();
});

test("read shows drift in the inputs, the live object in the state, and nothing when the object is gone", async (t) => {
  const { client, server } = t.context;
  const inputs = configMap({ a: "1" });
  const old = await client.create(urn("core/v1:ConfigMap"), inputs);
  const same = await client.read(urn("core/v1:ConfigMap"), old, inputs);
  t.deepEqual(same.inputs, inputs);
  t.is(same.properties.__fieldManager, old.properties.__fieldManager);
  server.objects.set(`${configMaps}/x`, {
    ...configMap({ a: "hand", b: "more" }),
    metadata: { name: "x", namespace: "lab", uid: "1" },
  });
  const drifted = await client.read(urn("core/v1:ConfigMap"), old, inputs);
  t.deepEqual(drifted.inputs, configMap({ a: "hand" }));
  t.deepEqual(drifted.properties.data, { a: "hand", b: "more" });
  server.objects.delete(`${configMaps}/x`);
  t.is((await client.read(urn("core/v1:ConfigMap"), old, inputs)).id, "");
});

test("an object that the program only refers to is read by its id", async (t) => {
  const { client, server } = t.context;
  server.objects.set(`${configMaps}/theirs`, {
    ...configMap({ a: "1" }),
    metadata: { name: "theirs", namespace: "lab", uid: "7" },
    status: {},
  });
  const found = await client.read(urn("core/v1:ConfigMap"), { id: "lab/theirs", properties: {} }, {});
  t.deepEqual(found.inputs, configMap({ a: "1" }, { name: "theirs", namespace: "lab" }));
  t.is(textAt(found.properties, "metadata", "uid"), "7");
});

test("delete waits until the object is gone, says what holds it, and does not mind that it is gone already", async (t) => {
  const { client, server, plugin } = t.context;
  const old = await client.create(urn("core/v1:ConfigMap"), configMap({}));
  const path = `${configMaps}/x`;
  server.sticky.add(path);
  server.objects.set(path, { ...configMap({}), metadata: { finalizers: ["bramble/guard"] } });
  const deleted = client.delete(urn("core/v1:ConfigMap"), old);
  await eventually(() => plugin.logs.some(({ message }) => message.includes("finalizers: bramble/guard")));
  server.objects.delete(path);
  await deleted;
  await t.notThrowsAsync(client.delete(urn("core/v1:ConfigMap"), old));
  server.objects.set(path, { ...configMap({}), metadata: {} });
  await t.throwsAsync(client.delete(urn("core/v1:ConfigMap"), old, 0.2), {
    message: /deletion of ConfigMap lab\/x: timed out/,
  });
});

test("a cluster that is gone fails reads and deletes, unless its resources count as gone with it", async (t) => {
  const { client, server, address } = t.context;
  const old: Stored = await client.create(urn("core/v1:ConfigMap"), configMap({}));
  server.close();
  await t.throwsAsync(client.read(urn("core/v1:ConfigMap"), old, configMap({})), {
    message: /PULUMI_K8S_DELETE_UNREACHABLE/,
  });
  await t.throwsAsync(client.delete(urn("core/v1:ConfigMap"), old), { message: /PULUMI_K8S_DELETE_UNREACHABLE/ });
  await client.configure({
    "kubernetes:config:kubeconfig": kubeconfig(address),
    "kubernetes:config:deleteUnreachable": "true",
  });
  t.is((await client.read(urn("core/v1:ConfigMap"), old, configMap({}))).id, "");
  await t.notThrowsAsync(client.delete(urn("core/v1:ConfigMap"), old));
});

test("what the project does not use fails with its name", async (t) => {
  const { client } = t.context;
  await t.throwsAsync(client.invoke("kubernetes:yaml:decode"), { message: /kubernetes:yaml:decode is not offered/ });
  await t.throwsAsync(client.check(urn("helm.sh/v3:Release"), {}), {
    message: /kubernetes:helm\.sh\/v3:Release is not offered/,
  });
  await t.throwsAsync(client.create(urn("apps/v1:StatefulSet"), {}), {
    message: /waiting for a StatefulSet.*is not offered/,
  });
  const thing = { apiVersion: "example.com/v1", kind: "Thing", metadata: { name: "x" } };
  t.deepEqual((await client.create(urn("example.com/v1:Thing"), thing, { preview: true })).properties, thing);
});
