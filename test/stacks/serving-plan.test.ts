import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { parseSite } from "../../stacks/config/parse.ts";
import type { Site } from "../../stacks/config/site.ts";
import { root } from "../../stacks/root.ts";
import { servedTenants, servingPlan } from "../../stacks/serving-plan.ts";
import { UserError } from "../../stacks/user-error.ts";
import { demandOf } from "../../workloads/ollama/fit.ts";
import type { ModelLock } from "../../workloads/ollama/model-lock.ts";
import { hashApiKey } from "../../workloads/serving/api-keys.ts";
import { baseModel } from "../workloads/ollama/base-model.ts";

const fixture = readFileSync(join(root, "test", "fixtures", "valid", "site-serving.yaml"), "utf8");
const { config } = parse(fixture) as { config: Record<string, unknown> };
const site = parseSite("barn", config["bramble:site"]);
const { reference, digest, ...source } = baseModel;
const entry = { digest, bytes: 253_113_555, quantization: "Q4_K_M", parameters: "268.10M", source };
const lock: ModelLock = { schema: 1, models: { [reference]: entry, "qwen3:0.6b": { ...entry } } };
const apiKey = (client: string) => client.padEnd(64, "0");
const refused = (given: Site, locked: ModelLock, message: RegExp) => {
  return { run: () => servingPlan(given, locked, apiKey), expect: { instanceOf: UserError, message } };
};

test("a site without models serves nothing", (t) => {
  const { models, serving, ...rest } = site;
  t.truthy(models && serving);
  t.is(servingPlan(rest as Site, lock, apiKey), undefined);
  t.deepEqual(servedTenants(rest as Site, lock), {});
});

test("each model is served where its place is, made with its own threads and context", (t) => {
  const plan = servingPlan(site, lock, apiKey);
  t.deepEqual(
    plan?.models.map(({ label, placement, proxied }) => ({ label, placement, proxied })),
    [
      {
        label: "assistant",
        placement: { nodes: ["pi-2", "pi-3"] },
        proxied: { replicas: 2, parallel: 1, queue: 8 },
      },
      { label: "coder", placement: { count: 1 }, proxied: { replicas: 1, parallel: 2, queue: 8 } },
    ],
  );
  const texts = plan?.models.map(({ objects }) => Object.values(objects.configMap.data).join("")) ?? [];
  t.regex(texts[0] ?? "", /"num_ctx":4096,"num_thread":4/);
  t.regex(texts[0] ?? "", /You answer briefly\./);
  t.regex(texts[1] ?? "", /"num_ctx":8192,"num_thread":4/);
});

test("the proxy knows clients by their keys' hashes, and no key is in any object", (t) => {
  const plan = servingPlan(site, lock, apiKey);
  const all = JSON.stringify(plan);
  for (const client of ["alice", "field-app"]) {
    t.true(all.includes(hashApiKey(apiKey(client))), client);
    t.false(all.includes(apiKey(client)), client);
  }
});

test("a model counts on each of its nodes, and on all where Kubernetes chooses", (t) => {
  const tenants = servedTenants(site, lock);
  const names = Object.entries(tenants).map(([node, all]) => [node, ...all.map((one) => one.reference)]);
  t.deepEqual(names, [
    ["pi-1", "qwen3:0.6b"],
    ["pi-2", "gemma3:270m", "qwen3:0.6b"],
    ["pi-3", "gemma3:270m", "qwen3:0.6b"],
  ]);
  const [gemma] = tenants["pi-2"] ?? [];
  const request = `${Math.ceil((gemma === undefined ? 0 : demandOf(gemma).known) / 2 ** 20)}Mi`;
  t.true(JSON.stringify(servingPlan(site, lock, apiKey)?.models[0]).includes(`"memory":"${request}"},"limits"`));
});

test("a model is refused that is not locked, whose texts the lock has not, or whose size nobody knows", (t) => {
  const none = refused(site, { schema: 1, models: {} }, /gemma3:270m, qwen3:0\.6b are not locked/);
  t.throws(none.run, none.expect);
  const old = { digest, bytes: 1, quantization: null, parameters: null };
  const earlier = refused(
    site,
    { schema: 1, models: { ...lock.models, [reference]: old } },
    /does not hold the manifest/,
  );
  t.throws(earlier.run, earlier.expect);
  const models = { assistant: { ...(site.models?.assistant ?? t.fail()), reference: "mine:1b" } };
  const own = refused({ ...site, models }, { schema: 1, models: { "mine:1b": entry } }, /not in the catalogue/);
  t.throws(own.run, own.expect);
});
