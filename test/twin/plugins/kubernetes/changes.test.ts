import test from "ava";
import { findChanges } from "../../../../twin/plugins/kubernetes/changes.ts";
import type { KubernetesObject } from "../../../../twin/plugins/kubernetes/objects.ts";
import type { PropertyMap } from "../../../../twin/plugins/property-values.ts";

const defaults = { namespaced: true, mutable: { configMaps: false, secrets: false } };

function object(
  kind: string,
  rest: PropertyMap,
  metadata: PropertyMap = { name: "x", namespace: "a" },
): KubernetesObject {
  const [apiVersion = "", name = ""] = kind.split(" ");
  return { apiVersion, kind: name, metadata, ...rest };
}

function changes(kind: string, olds: PropertyMap, news: PropertyMap, options = defaults) {
  const [before, after] = [object(kind, olds), object(kind, news)];
  return findChanges(before, after, before, options);
}

function lines(found: ReturnType<typeof findChanges>): string[] {
  return found.fields.map(({ path, kind, replaces }) => `${kind} ${path}${replaces ? " replaces" : ""}`);
}

const cases: [title: string, kind: string, olds: PropertyMap, news: PropertyMap, expected: string[]][] = [
  ["nothing changed", "v1 ConfigMap", { data: { a: "1" } }, { data: { a: "1" } }, []],
  ["ConfigMap data replaces", "v1 ConfigMap", { data: { a: "1" } }, { data: { a: "2" } }, ["UPDATE data.a replaces"]],
  ["a new ConfigMap key replaces", "v1 ConfigMap", { data: {} }, { data: { a: "1" } }, ["ADD data.a replaces"]],
  ["all data gone replaces", "v1 ConfigMap", { data: { a: "1" } }, {}, ["DELETE data replaces"]],
  [
    "odd keys are quoted",
    "v1 ConfigMap",
    { data: { 'a."b"': "1" } },
    { data: {} },
    ['DELETE data["a.\\"b\\""] replaces'],
  ],
  [
    "Secret data replaces",
    "v1 Secret",
    { stringData: { a: "1" } },
    { stringData: { a: "2" } },
    ["UPDATE stringData.a replaces"],
  ],
  ["Secret type replaces", "v1 Secret", { type: "a" }, { type: "b" }, ["UPDATE type replaces"]],
  [
    "Job template replaces",
    "batch/v1 Job",
    { spec: { template: { spec: { containers: [{ image: "a", args: ["1"] }] } } } },
    { spec: { template: { spec: { containers: [{ image: "a", args: ["2", "3"] }] } } } },
    [
      "UPDATE spec.template.spec.containers[0].args[0] replaces",
      "ADD spec.template.spec.containers[0].args[1] replaces",
    ],
  ],
  [
    "Job suspend is changed in place",
    "batch/v1 Job",
    { spec: { suspend: true } },
    { spec: { suspend: false } },
    ["UPDATE spec.suspend"],
  ],
  ["a spec that brings the template replaces", "batch/v1 Job", {}, { spec: { template: {} } }, ["ADD spec replaces"]],
  ["a spec without it does not", "batch/v1 Job", {}, { spec: { suspend: true } }, ["ADD spec"]],
  [
    "Deployment template is changed in place",
    "apps/v1 Deployment",
    { spec: { template: { a: 1 }, selector: { matchLabels: { a: "1" } } } },
    { spec: { template: { a: 2 }, selector: { matchLabels: { a: "1" } } } },
    ["UPDATE spec.template.a"],
  ],
  [
    "Deployment selector replaces",
    "apps/v1 Deployment",
    { spec: { selector: { matchLabels: { a: "1" } } } },
    { spec: { selector: { matchLabels: { a: "2" } } } },
    ["UPDATE spec.selector.matchLabels.a replaces"],
  ],
  [
    "a role reference replaces",
    "rbac.authorization.k8s.io/v1 RoleBinding",
    { roleRef: { name: "a" } },
    { roleRef: { name: "b" } },
    ["UPDATE roleRef.name replaces"],
  ],
  [
    "rules are changed in place",
    "rbac.authorization.k8s.io/v1 Role",
    { rules: [{ verbs: ["get"] }] },
    { rules: [] },
    ["DELETE rules[0]"],
  ],
  [
    "storage grows in place",
    "v1 PersistentVolumeClaim",
    { spec: { resources: { requests: { storage: "1Gi" } } } },
    { spec: { resources: { requests: { storage: "2Gi" } } } },
    ["UPDATE spec.resources.requests.storage"],
  ],
  [
    "a storage class replaces",
    "v1 PersistentVolumeClaim",
    { spec: { storageClassName: "a" } },
    { spec: { storageClassName: "b" } },
    ["UPDATE spec.storageClassName replaces"],
  ],
  [
    "a quantity in another spelling is none",
    "apps/v1 Deployment",
    { spec: { c: [{ resources: { limits: { memory: "1Gi", cpu: "1" } } }] } },
    { spec: { c: [{ resources: { limits: { memory: "1024Mi", cpu: "1000m" } } }] } },
    [],
  ],
  ["elsewhere it is a change", "v1 Service", { spec: { x: "1" } }, { spec: { x: "1000m" } }, ["UPDATE spec.x"]],
];

for (const [title, kind, olds, news, expected] of cases) {
  test(title, (t) => {
    t.deepEqual(lines(changes(kind, olds, news)), expected);
  });
}

test("mutable ConfigMaps and Secrets are changed in place, unless they say they are immutable", (t) => {
  const mutable = { namespaced: true, mutable: { configMaps: true, secrets: true } };
  for (const kind of ["v1 ConfigMap", "v1 Secret"]) {
    t.deepEqual(lines(changes(kind, { data: { a: "1" } }, { data: { a: "2" } }, mutable)), ["UPDATE data.a"]);
    const fixed = changes(kind, { immutable: true, data: { a: "1" } }, { immutable: true, data: { a: "2" } }, mutable);
    t.deepEqual(lines(fixed), ["UPDATE data.a replaces"]);
  }
});

test("another name or namespace is another object, made before the old one goes", (t) => {
  const before = object("v1 ConfigMap", {});
  for (const metadata of [
    { name: "y", namespace: "a" },
    { name: "x", namespace: "b" },
  ]) {
    const found = findChanges(before, object("v1 ConfigMap", {}, metadata), before, defaults);
    t.is(found.fields.filter(({ replaces }) => replaces).length, 1);
    t.false(found.deleteBeforeReplace);
  }
});

test("a replacement under a name of the user's own has to wait until the old one is gone", (t) => {
  t.true(changes("v1 ConfigMap", { data: { a: "1" } }, { data: { a: "2" } }).deleteBeforeReplace);
  t.false(changes("batch/v1 Job", { spec: { suspend: true } }, { spec: {} }).deleteBeforeReplace);
  const metadata = { name: "x-1", namespace: "a", annotations: { "pulumi.com/autonamed": "true" } };
  const before = object("v1 ConfigMap", { data: { a: "1" } }, metadata);
  t.false(findChanges(before, object("v1 ConfigMap", { data: {} }, metadata), before, defaults).deleteBeforeReplace);
});

test("no namespace is the namespace default, and none at all for kinds that have none", (t) => {
  const [bare, said] = [
    object("v1 ConfigMap", {}, { name: "x" }),
    object("v1 ConfigMap", {}, { name: "x", namespace: "default" }),
  ];
  t.deepEqual(findChanges(bare, said, said, defaults).fields, []);
  const [node, lost] = [object("v1 Node", {}, { name: "x" }), object("v1 Node", {}, { name: "x", namespace: "a" })];
  t.deepEqual(findChanges(node, lost, node, { ...defaults, namespaced: false }).fields, []);
});
