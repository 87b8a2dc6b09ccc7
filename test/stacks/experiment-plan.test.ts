import test from "ava";
import { parseExperiment } from "../../stacks/config/parse.ts";
import { planOf } from "../../stacks/experiment-plan.ts";
import { checkFit, tenantsOf } from "../../stacks/experiment-fit.ts";
import { lockedModels, planModels } from "../../stacks/locked-models.ts";
import { UserError } from "../../stacks/user-error.ts";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const base = {
  site: "barn",
  models: {
    gemma: { reference: "gemma3:270m", digest: digest("c") },
    llama: { reference: "llama3.2:3b", digest: digest("d") },
  },
  images: { ollama: "ollama/ollama:0.17.4", runner: "node:24" },
  nodes: { models: ["pi-2", "pi-3"], runner: "pi-1" },
  variants: { threads: [4] },
  scenarios: { short: { prompts: "short-questions", maxTokens: 32 } },
};
const plan = (changes: object = {}) => {
  const config = parseExperiment("sweep", { ...base, ...changes });
  return planOf(config, planModels(lockedModels(config.models, { schema: 1, models: {} })), { digest: "r" });
};

test("every combination of values is a variant, named by the dimensions that differ", (t) => {
  const { variants } = plan({ variants: { threads: [1, 4], context: [1024], model: ["gemma"], node: ["pi-2"] } });
  t.deepEqual(variants, {
    "threads-1": { model: "gemma", node: "pi-2", threads: 1, context: 1024, modules: null },
    "threads-4": { model: "gemma", node: "pi-2", threads: 4, context: 1024, modules: null },
  });
  t.deepEqual(Object.keys(plan().variants), ["gemma.pi-2", "gemma.pi-3", "llama.pi-2", "llama.pi-3"]);
  t.deepEqual(Object.keys(plan({ variants: { threads: [4], model: ["gemma"], node: ["pi-2"] } }).variants), ["base"]);
});

test("prompt modules are a dimension too, each combination with its hash", (t) => {
  const { variants, modules } = plan({
    modules: "edge-operations",
    variants: { threads: [4], model: ["gemma"], node: ["pi-2"], modules: ["none", "role+format", "all"] },
  });
  t.deepEqual(Object.keys(variants), ["none", "role+format", "role+context+examples+constraints+format"]);
  t.is(variants.none?.modules, null);
  t.deepEqual(Object.keys(modules), Object.keys(variants).slice(1));
  t.is(new Set(Object.values(modules).map(({ hash }) => hash)).size, 2);
});

test("a suite's items are asked, all or so many of them, and the plan holds them as they are asked", (t) => {
  const scenarios = {
    whole: { suite: "edge-operations", maxTokens: 32 },
    sample: { suite: "edge-operations", items: 30, maxTokens: 32 },
  };
  const made = plan({ scenarios });
  t.is(made.scenarios.sample?.load.requests, 30);
  t.is(made.suites["edge-operations#30"]?.length, 30);
  t.is(made.scenarios.whole?.suite, "edge-operations");
  const choice = made.suites["edge-operations"]?.find(({ kind }) => kind === "diagnosis");
  t.true(choice?.prompt.includes("\nA) "));
  t.throws(() => plan({ scenarios, blocks: 300 }), {
    instanceOf: UserError,
    message: /30 are fewer than the 300 blocks/,
  });
  t.throws(() => plan({ scenarios: { whole: scenarios.whole }, blocks: 300 }), {
    instanceOf: UserError,
    message: /asks 2\d\d items, which are dealt out to 300 blocks/,
  });
});

test("the reference run is on the first node, and its prompts are in the plan", (t) => {
  const { reference, prompts } = plan({ reference: { model: "gemma", threads: 2, prompts: "field-report" } });
  t.like(reference, { variant: { model: "gemma", node: "pi-2", threads: 2, modules: null } });
  t.like(reference, { scenario: { load: { kind: "closed", users: 1, requests: 3 } } });
  t.deepEqual(Object.keys(prompts), ["field-report", "short-questions"]);
});

test("a model that is locked nowhere stops the plan by its name; a lock brings its digest and size", (t) => {
  const models = { one: { reference: "qwen3:0.6b" }, two: { reference: "smollm:135m" } };
  t.throws(() => lockedModels(models, { schema: 1, models: {} }), {
    instanceOf: UserError,
    message: /^models\.lock\.json: qwen3:0\.6b, smollm:135m are not locked.*\n {2}Next: npm run models -- lock/,
  });
  const entry = { digest: digest("e"), bytes: 7, quantization: null, parameters: null };
  const lock = { schema: 1 as const, models: { "qwen3:0.6b": entry, "smollm:135m": entry } };
  t.deepEqual(lockedModels(models, lock).one, { reference: "qwen3:0.6b", digest: digest("e"), bytes: 7 });
  const other = { one: { reference: "qwen3:0.6b", digest: digest("f") } };
  t.deepEqual(lockedModels(other, lock).one, { reference: "qwen3:0.6b", digest: digest("f"), bytes: null });
});

const mebibyte = 1024 ** 2;
const tenants = (changes: object = {}, owner = "sweep") => {
  const config = parseExperiment("sweep", { ...base, ...changes });
  const models = lockedModels(config.models, { schema: 1, models: {} });
  return tenantsOf(owner, planOf(config, planModels(models), { digest: "r" }), models);
};

test("of a node's models the largest count, as many as a server keeps loaded, at their longest context", (t) => {
  const one = tenants({ variants: { threads: [4], context: [1024, 8192] } });
  t.deepEqual(
    one["pi-2"]?.map(({ reference, context }) => [reference, context]),
    [["llama3.2:3b", 8192]],
  );
  t.is(tenants({ server: { maxLoaded: 2 } })["pi-2"]?.length, 2);
});

test("a server that needs more than its memory, and a node that is too full, are errors with numbers", (t) => {
  const large = tenants({ variants: { threads: [4], context: [32_768] } });
  t.throws(
    () => {
      checkFit(large, [], {}, "2048Mi");
    },
    {
      instanceOf: UserError,
      message:
        /the server on pi-2, whose memory is limited to 2048Mi, has 2048 MiB, and these take \d{4} MiB.*or another node/s,
    },
  );
  t.notThrows(() => {
    checkFit(large, [], { "pi-2": 7500 * mebibyte, "pi-3": 7500 * mebibyte }, "7000Mi");
  });
  const two = [tenants({}, "other"), tenants({}, "third")];
  t.throws(
    () => {
      checkFit(large, two, { "pi-2": 7500 * mebibyte }, "7000Mi");
    },
    {
      instanceOf: UserError,
      message:
        /pi-2 has 7500 MiB, and these take .*llama3\.2:3b of other.*llama3\.2:3b of third.*llama3\.2:3b of sweep.*a context of \d+ tokens would fit/s,
    },
  );
});
