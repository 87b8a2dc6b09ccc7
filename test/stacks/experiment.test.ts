import test from "ava";
import { catalogue } from "../../workloads/ollama/catalogue.ts";
import { UserError } from "../../stacks/user-error.ts";
import { parseExperiment } from "../../stacks/config/parse.ts";
import { renderExperimentAccess } from "../../stacks/experiment-access.ts";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { exampleFacts } from "./nodes/example-report.ts";
import { exampleRootSecret, exampleSite } from "./keys/example.ts";
import { dependenciesOf, recordResources } from "./recorded-resources.ts";

const site = exampleSite();
const keys = deriveSiteKeys(exampleRootSecret, site);
const kubeconfig = keys.experimentKubeconfig("threads-1", "192.168.7.11", new Date("2026-11-24T12:00:00Z"));
const siteOutputs: Record<string, unknown> = {
  name: "barn",
  nodes: { "pi-1": { role: "server" }, "pi-2": { role: "agent" } },
  experimentKubeconfigs: { "threads-1": kubeconfig },
  k3sVersion: "v1.34.2+k3s1",
  facts: { "pi-1": exampleFacts(), "pi-2": exampleFacts() },
  reservedMegabytes: 1024,
};
const recorded = await recordResources("threads-1", { outputs: siteOutputs });
const { experimentProgram } = await import("../../stacks/experiment.ts");

const config = parseExperiment("threads-1", {
  site: "barn",
  models: { gemma: { reference: "gemma3:270m", digest: `sha256:${"c".repeat(64)}` } },
  images: { ollama: "docker.io/ollama/ollama:0.17.4", runner: "docker.io/library/node:24-slim" },
  nodes: { models: ["pi-2"], runner: "pi-1" },
  variants: { threads: [1] },
  scenarios: { "short-answer": { prompts: "field-report", maxTokens: 32 } },
});
const outputs = await experimentProgram(config);
while (!recorded.some(({ name }) => name === "threads-1-guard"))
  await new Promise((resolve) => setTimeout(resolve, 10));

const guard = recorded.find(({ name }) => name === "threads-1-guard");

test.serial("what the site serves on its node is counted", async (t) => {
  const served = { reference: "qwen3:8b", weights: 6.5e9, context: 4096, parallel: 1, kvCache: "f16", promptCache: 0 };
  siteOutputs.tenants = { "pi-2": [{ owner: "the site", entry: catalogue["qwen3:8b"], ...served }] };
  await t.throwsAsync(experimentProgram(config), {
    instanceOf: UserError,
    message: /qwen3:8b of the site: weights 6199 MiB.*gemma3:270m of threads-1/s,
  });
});

test("its guard depends on all else, so that a destroy that it refuses has deleted nothing", (t) => {
  const before = dependenciesOf(recorded, guard?.urn ?? "");
  const others = recorded.filter(
    ({ custom, urn, type }) => custom && urn !== guard?.urn && type !== "pulumi:pulumi:StackReference",
  );
  t.true(others.some(({ type }) => type === "kubernetes:batch/v1:Job"));
  t.deepEqual(
    others.filter(({ urn }) => !before.has(urn)).map(({ urn }) => urn),
    [],
  );
  const { stdin, triggers } = guard?.inputs as { stdin: { value: string }; triggers?: unknown };
  t.deepEqual(JSON.parse(stdin.value), { kind: "experiment", stack: "threads-1", runId: outputs.runId });
  t.is(triggers, undefined);
});

test("the site lets it make all that it makes, and nothing else", (t) => {
  const made = recorded.flatMap(({ type }) => {
    const [, api, kind] = /^kubernetes:([a-z.]+\/v1):(\w+)$/.exec(type) ?? [];
    if (api === undefined || kind === undefined) return [];
    const group = api.split("/")[0];
    return [`${group === "core" ? "" : group}/${kind.toLowerCase()}s`];
  });
  const verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];
  const allowed = renderExperimentAccess("threads-1").role.rules.flatMap((rule) =>
    rule.verbs.includes("create")
      ? rule.apiGroups.flatMap((group) => rule.resources.map((resource) => `${group}/${resource}`))
      : [],
  );
  t.deepEqual([...new Set(made)].sort(), [...new Set(allowed)].sort());
  for (const rule of renderExperimentAccess("threads-1").role.rules)
    if (rule.verbs.includes("create")) t.deepEqual(rule.verbs.toSorted(), verbs);
});

test("all of it lies in the namespace that the site has for it", (t) => {
  for (const { type, inputs } of recorded)
    if (/^kubernetes:.*\/v1:/.test(type))
      t.is((inputs.metadata as { namespace?: string }).namespace, "threads-1", type);
});

test("the credentials are secret wherever they go", (t) => {
  const key = /client-key-data: (\S+)/.exec(kubeconfig)?.[1] ?? "no key";
  const provider = recorded.find(({ type }) => type === "pulumi:providers:kubernetes");
  t.is(provider?.inputs.clusterIdentifier, "bramble-barn");
  const isSecret = (value: unknown) =>
    typeof value === "object" && value !== null && "4dabf18193072939515e22adb298388d" in value;
  t.true(isSecret(provider?.inputs.kubeconfig), "kubeconfig");
  const plain = JSON.stringify(
    recorded.map(({ inputs }) => inputs),
    (_key, value: unknown) => (isSecret(value) ? "[secret]" : value),
  );
  t.false(plain.includes(key));
});
