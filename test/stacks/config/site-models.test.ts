import test from "ava";
import {
  defaultModel,
  findModelConflicts,
  serving,
  siteModels,
  siteRegistry,
  type SiteWithModels,
} from "../../../stacks/config/site-models.ts";

const model = { reference: "gemma3:270m", nodes: ["pi2"], threads: 4 };
const way = { images: { ollama: "ollama/ollama:0.17.4", proxy: "haproxy:3.2" }, clients: ["alice"] };
const registry = { node: "pi1", images: { registry: "registry:3", nginx: "nginx:1.28" } };
const nodes = { pi1: {}, pi2: {} };

function problems(change: Record<string, unknown>): string[] {
  const { error } = siteModels.safeParse({ assistant: { ...model, ...change } });
  return error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];
}

test("a model needs a reference, a place and its threads; all else has a default", (t) => {
  t.deepEqual(siteModels.parse({ assistant: model }), {
    assistant: {
      ...model,
      ...{ context: 4096, parallel: 1, maxLoaded: 1, keepAlive: "-1", kvCache: "f16", flashAttention: false },
      ...{ promptCache: 0, queue: 8 },
    },
  });
});

test("a model is on named nodes or on a number of them, and not on both or neither", (t) => {
  t.deepEqual(problems({ nodes: undefined, count: 2 }), []);
  t.deepEqual(problems({ count: 2 }), ["assistant: must have either nodes or count: where it is served"]);
  t.deepEqual(problems({ nodes: undefined }), ["assistant: must have either nodes or count: where it is served"]);
  t.deepEqual(problems({ nodes: ["pi2", "pi2"] }), ["assistant.nodes: must not name a node twice"]);
});

test("a KV cache of another type is refused where Ollama would not use it", (t) => {
  t.deepEqual(problems({ kvCache: "q8_0" }), [
    "assistant: has a kvCache that Ollama ignores without flashAttention: true",
  ]);
  t.deepEqual(problems({ kvCache: "q8_0", flashAttention: true }), []);
});

test("a label that makes no Service's name, or that a path could not tell from /v1, is refused", (t) => {
  for (const name of ["a".repeat(41), "Assistant", "v1", "a/b", ""])
    t.false(siteModels.safeParse({ [name]: model }).success, name);
  t.true(siteModels.safeParse({ ["a".repeat(40)]: model }).success);
});

test("the way in needs clients, and a port that nodes can give", (t) => {
  t.like(serving.parse(way), { port: 30_080, replicas: 1 });
  for (const change of [{ clients: [] }, { clients: ["alice", "alice"] }, { port: 8080 }, { port: 32_768 }])
    t.false(serving.safeParse({ ...way, ...change }).success, JSON.stringify(change));
});

test("a registry takes pushes from addresses and ranges, and from nobody by default", (t) => {
  t.like(siteRegistry.parse(registry), { port: 5000, writers: [] });
  t.true(siteRegistry.safeParse({ ...registry, writers: ["192.168.7.2", "fd00::/64", "10.0.0.0/8"] }).success);
  for (const range of ["all", "192.168.7.0/33", "192.168.7.2; allow all"])
    t.false(siteRegistry.safeParse({ ...registry, writers: [range] }).success, range);
});

function conflicts(site: Partial<SiteWithModels>): string[] {
  return findModelConflicts({ nodes, ...site }).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test("a site without models, and one whose parts fit, have no conflicts", (t) => {
  const models = siteModels.parse({ assistant: model });
  t.deepEqual(conflicts({}), []);
  t.deepEqual(conflicts({ models, serving: serving.parse(way), registry: siteRegistry.parse(registry) }), []);
});

test("nodes that are not there, and more servers than nodes, are found", (t) => {
  const models = siteModels.parse({
    one: { ...model, nodes: ["pi2", "pi9"] },
    two: { ...model, nodes: undefined, count: 3 },
  });
  t.deepEqual(
    conflicts({
      models,
      serving: serving.parse({ ...way, default: "one" }),
      registry: siteRegistry.parse({ ...registry, node: "pi8" }),
    }),
    [
      "models.one.nodes.1: there is no node pi9 in this site",
      "models.two.count: 3 are more than the site has nodes",
      "registry.node: there is no node pi8 in this site",
    ],
  );
});

test("models and the way to them need one another, and several models a default", (t) => {
  const one = siteModels.parse({ assistant: model });
  const two = siteModels.parse({ assistant: model, coder: model });
  t.deepEqual(conflicts({ models: one }), ["serving: is missing; models need it: images and clients"]);
  t.deepEqual(conflicts({ serving: serving.parse(way) }), ["serving: is the way to models, but the site has none"]);
  t.deepEqual(conflicts({ models: two, serving: serving.parse(way) }), [
    "serving.default: is missing; one of assistant, coder answers at /v1",
  ]);
  t.deepEqual(conflicts({ models: two, serving: serving.parse({ ...way, default: "other" }) }), [
    "serving.default: names other, which models has not",
  ]);
  t.is(defaultModel(one, serving.parse(way)), "assistant");
  t.is(defaultModel(two, serving.parse({ ...way, default: "coder" })), "coder");
});

test("a copy of another registry takes no pushes", (t) => {
  const given = siteRegistry.parse({ ...registry, upstream: "http://192.168.7.2:5000", writers: ["192.168.7.2"] });
  t.deepEqual(conflicts({ registry: given }), [
    "registry.writers: can't push to a copy of another registry; leave one out",
  ]);
});
