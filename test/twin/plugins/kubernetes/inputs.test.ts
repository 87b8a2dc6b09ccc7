import test from "ava";
import { completeInputs } from "../../../../twin/plugins/kubernetes/inputs.ts";
import type { PropertyMap } from "../../../../twin/plugins/property-values.ts";
import { isSecret, revealMap, secret, unknownValue } from "../../../../twin/plugins/property-values.ts";

const seed = new Uint8Array();

function complete(news: PropertyMap, options: Partial<Parameters<typeof completeInputs>[0]> = {}): PropertyMap {
  return completeInputs({
    resource: "web",
    news,
    olds: undefined,
    seed,
    namespaced: true,
    defaultNamespace: "lab",
    ...options,
  });
}

const named = (name: string) => ({
  name,
  namespace: "lab",
  annotations: { "pulumi.com/autonamed": "true" },
});

test("an object without a name gets one, of the resource's name and eight digits, and is marked", (t) => {
  const { metadata } = complete({ kind: "Job", metadata: { annotations: { keep: "me" } } });
  t.like(metadata, { namespace: "lab", annotations: { keep: "me", "pulumi.com/autonamed": "true" } });
  t.regex((metadata as { name: string }).name, /^web-[0-9a-f]{8}$/);
  t.notDeepEqual(complete({ kind: "Job" }), complete({ kind: "Job" }));
});

test("the same seed gives the same name", (t) => {
  const seeded = { seed: Uint8Array.of(1, 2, 3) };
  t.deepEqual(complete({ kind: "Job" }, seeded), complete({ kind: "Job" }, seeded));
});

test("an update keeps the name", (t) => {
  const olds = { kind: "Job", metadata: named("web-0123abcd") };
  t.deepEqual(complete({ kind: "Job" }, { olds }), olds);
});

test("a name of the user's own is kept, and none is adopted from an object that was not named by Pulumi", (t) => {
  t.deepEqual(complete({ metadata: { name: "mine" } }), { metadata: { name: "mine", namespace: "lab" } });
  t.deepEqual(complete({ metadata: { name: unknownValue } }), { metadata: { name: unknownValue, namespace: "lab" } });
  t.deepEqual(complete({ metadata: unknownValue }), { metadata: unknownValue });
  t.deepEqual(complete({}, { olds: { metadata: { name: "theirs" } } }), { metadata: { namespace: "lab" } });
});

test("a namespace is filled in where one belongs and none is said", (t) => {
  const mine = { metadata: { name: "x", namespace: "mine" } };
  t.deepEqual(complete(mine), mine);
  t.deepEqual(complete({ metadata: { name: "x" } }, { namespaced: false }), { metadata: { name: "x" } });
  t.deepEqual(complete({ metadata: { name: "x" } }, { defaultNamespace: "" }), { metadata: { name: "x" } });
});

test("what only the server writes is no input", (t) => {
  const metadata = { name: "x", namespace: "a", uid: "1", resourceVersion: "2", managedFields: [] };
  t.deepEqual(complete({ metadata }), { metadata: { name: "x", namespace: "a" } });
});

test("secrets stay secret, and no more than them; a Secret's data always is", (t) => {
  const metadata = { name: "x", namespace: "a" };
  const deployment = { metadata, spec: { replicas: 1, containers: [{ env: secret("s") }], plain: ["a"] } };
  const spec = complete(deployment).spec as PropertyMap;
  t.true(isSecret(spec.containers) && !isSecret(spec.plain) && spec.replicas === 1);
  t.deepEqual(revealMap(complete(deployment)), revealMap(deployment));
  const data = complete({ kind: "Secret", metadata, type: "Opaque", data: { a: "b" }, stringData: { c: "d" } });
  t.true(isSecret(data.data) && isSecret(data.stringData) && !isSecret(data.type));
  t.true(isSecret(complete({ metadata, data: secret({ a: "b" }) }).data));
});
