import test from "ava";
import fc from "fast-check";
import { pruneToInputs } from "../../../../twin/plugins/kubernetes/prune.ts";
import type { PropertyMap } from "../../../../twin/plugins/property-values.ts";

test("what the server filled in is left out, what somebody changed is kept", (t) => {
  const live = {
    kind: "Deployment",
    metadata: { name: "x", uid: "1", labels: { a: "hand" } },
    spec: {
      replicas: 3,
      strategy: {},
      containers: [{ name: "c", image: "i", imagePullPolicy: "Always" }, { name: "injected" }],
    },
    status: {},
  };
  const inputs = {
    kind: "Deployment",
    metadata: { name: "x", labels: { a: "1", gone: "2" } },
    spec: { replicas: 1, containers: [{ name: "c", image: "i" }] },
  };
  t.deepEqual(pruneToInputs(live, inputs), {
    kind: "Deployment",
    metadata: { name: "x", labels: { a: "hand" } },
    spec: { replicas: 3, containers: [{ name: "c", image: "i" }] },
  });
});

test("a quantity keeps the program's spelling", (t) => {
  const inputs = { spec: { resources: { limits: { memory: "1024Mi", cpu: 1 } } } };
  t.deepEqual(pruneToInputs({ spec: { resources: { limits: { memory: "1Gi", cpu: "1" } } } }, inputs), inputs);
});

test("a Secret's stringData comes back from its data", (t) => {
  const encode = (text: string) => Buffer.from(text).toString("base64");
  const live = { kind: "Secret", data: { a: encode("hand"), other: encode("x") } };
  t.deepEqual(pruneToInputs(live, { kind: "Secret", stringData: { a: "1", gone: "2" } }), {
    kind: "Secret",
    stringData: { a: "hand" },
  });
});

test("an object that holds its inputs is pruned to exactly them", (t) => {
  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
  const name = fc.stringMatching(/^[a-z]{1,4}$/);
  const { tree } = fc.letrec<{ tree: PropertyMap }>((tie) => ({
    tree: fc.dictionary(name, fc.oneof({ depthSize: "small" }, leaf, fc.array(leaf), tie("tree")), {
      noNullPrototype: true,
    }),
  }));
  fc.assert(
    fc.property(tree, (inputs) => {
      t.deepEqual(pruneToInputs({ ...inputs, STATUS: { filled: "in" } }, inputs), inputs);
    }),
  );
});
