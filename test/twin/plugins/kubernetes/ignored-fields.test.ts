import test from "ava";
import { withoutIgnored } from "../../../../twin/plugins/kubernetes/ignored-fields.ts";
import type { PropertyMap } from "../../../../twin/plugins/property-values.ts";

const managed = (manager: string, fieldsV1: PropertyMap): PropertyMap => ({ manager, fieldsV1 });

test("a field of somebody else's is left to them", (t) => {
  const live = {
    metadata: {
      managedFields: [
        managed("me", { "f:data": { "f:a": {} } }),
        managed("scaler", { "f:spec": { "f:replicas": {} } }),
      ],
    },
    spec: { replicas: 3 },
  };
  const wanted = { data: { a: "1" }, spec: { replicas: 1 } };
  t.deepEqual(withoutIgnored(wanted, live, "me", ["spec.replicas"]), { data: { a: "1" }, spec: {} });
});

test("a field of ours keeps its value in the cluster", (t) => {
  const both = [
    managed("me", { "f:spec": { "f:replicas": {} } }),
    managed("scaler", { "f:spec": { "f:replicas": {} } }),
  ];
  const live = { metadata: { managedFields: both }, spec: { replicas: 3 } };
  t.deepEqual(withoutIgnored({ spec: { replicas: 1 } }, live, "me", ["spec.replicas"]), { spec: { replicas: 3 } });
});

test("a field that the program never set and others fill is left alone: a Lease that its holder renews", (t) => {
  const live = {
    metadata: {
      managedFields: [managed("me", { "f:metadata": {} }), managed("holder", { "f:spec": { "f:renewTime": {} } })],
    },
    spec: { renewTime: "now" },
  };
  t.deepEqual(withoutIgnored({ kind: "Lease" }, live, "me", ["spec"]), { kind: "Lease" });
});

test("quoted names are one name; lists are refused", (t) => {
  const live = {
    metadata: {
      labels: { "a.b/c": "live" },
      managedFields: [managed("me", { "f:metadata": { "f:labels": { "f:a.b/c": {} } } })],
    },
  };
  const wanted = { metadata: { labels: { "a.b/c": "mine" } } };
  t.deepEqual(withoutIgnored(wanted, live, "me", ['metadata.labels["a.b/c"]']), {
    metadata: { labels: { "a.b/c": "live" } },
  });
  t.throws(() => withoutIgnored(wanted, live, "me", ["spec.containers[0].image"]), {
    message: /containers\[0\].*not offered/,
  });
});
