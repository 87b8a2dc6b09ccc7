import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import test from "ava";
import { parse } from "yaml";
import { root } from "../../stacks/root.ts";
import { baseModel } from "../workloads/ollama/base-model.ts";
import { matchesGolden } from "../golden.ts";
import { exampleFacts } from "./nodes/example-report.ts";
import { exampleRootSecret } from "./keys/example.ts";
import { dependenciesOf, recordResources, type Recorded } from "./recorded-resources.ts";

const recorded = await recordResources("farm", {
  state: ({ name }) => ({ stdout: name.endsWith("-card") ? JSON.stringify(exampleFacts()) : "" }),
});
// After the mocks: the SDK reads its settings when it is loaded.
const bramble = await import("../../stacks/library.ts");
const command = await import("@pulumi/command");

const fixture = readFileSync(join(root, "test", "fixtures", "valid", "site-serving.yaml"), "utf8");
const { config } = parse(fixture) as { config: { "bramble:site": object & { nodes: Record<string, object> } } };
const { nodes, ...rest } = config["bramble:site"];
const dataDisk = { device: "/dev/disk/by-id/nvme-one" };
const siteConfig = bramble.parseSite("farm", {
  ...rest,
  // Everything that a site may have.
  nodes: { ...nodes, "pi-1": { ...nodes["pi-1"], dataDisk }, "pi-2": { ...nodes["pi-2"], dataDisk } },
  probe: { image: "node:24-slim" },
  registry: { node: "pi-1", images: { registry: "registry:3", nginx: "nginx:1.29" } },
  experiments: ["threads-1"],
  protect: false,
});
const { reference, digest, ...source } = baseModel;
const entry = { digest, bytes: 1, quantization: null, parameters: null, source };
const args = {
  config: siteConfig,
  keys: bramble.deriveSiteKeys(exampleRootSecret, siteConfig),
  wifiPassword: undefined,
  observations: new Map(),
  lock: { schema: 1 as const, models: { [reference]: entry, "qwen3:0.6b": entry } },
  now: new Date("2026-11-24T12:00:00Z"),
};

/** What a transformation was shown, by the component that it was given to. */
const shown = { site: [] as string[], experiment: [] as string[] };
const show =
  (component: keyof typeof shown): pulumi.ResourceTransformation =>
  ({ type, name, props, opts }) => {
    shown[component].push(`${type} ${name}`);
    return { props: props, opts };
  };

const farm = new pulumi.ComponentResource("farm:index:Farm", "farm");
const [power, light] = ["power", "light"].map((name) => new command.local.Command(name, { create: "true" }));
const here = new command.Provider("here");
const options = { parent: farm, protect: true, providers: [here] };
const site = new bramble.Site("barn", args, {
  ...options,
  dependsOn: power ?? [],
  transformations: [show("site")],
});
const threads = site.forExperiment("threads-1");
const experimentConfig = bramble.parseExperiment("threads-1", {
  site: "farm",
  models: { gemma: { reference: "gemma3:270m", digest: `sha256:${"c".repeat(64)}` } },
  images: { ollama: "docker.io/ollama/ollama:0.17.4", runner: "docker.io/library/node:24-slim" },
  nodes: { models: ["pi-2"], runner: "pi-1" },
  variants: { threads: [1] },
  scenarios: { "short-answer": { prompts: "field-report", maxTokens: 32 } },
});
const cluster = bramble.clusterProvider("threads-1", threads);
new bramble.Experiment("threads-1", bramble.planExperiment(experimentConfig, threads), {
  ...options,
  providers: [here, cluster],
  dependsOn: light ?? [],
  transformations: [show("experiment")],
});
while (!["barn-guard", "threads-1-guard"].every((guard) => recorded.some(({ name }) => name === guard)))
  await new Promise((resolve) => setTimeout(resolve, 10));

/** Everything below a component, and the component itself. */
const below = (urn: string): Recorded[] =>
  recorded
    .filter((one) => one.urn === urn)
    .flatMap((one) => [one, ...recorded.filter(({ parent }) => parent === urn).flatMap((child) => below(child.urn))]);
const find = (type: string, name: string) => recorded.find((one) => one.type === type && one.name === name)?.urn ?? "";
const parts = {
  site: below(find("bramble:site:Site", "barn")),
  experiment: below(find("bramble:experiment:Experiment", "threads-1")),
};
const others = [
  ["pulumi:pulumi:Stack", "bramble-farm"],
  ["farm:index:Farm", "farm"],
  ["command:local:Command", "power"],
  ["command:local:Command", "light"],
  ["pulumi:providers:command", "here"],
  ["pulumi:providers:kubernetes", "threads-1"],
].map(([type = "", name = ""]) => find(type, name));

test("all that a component makes lies below it", (t) => {
  const known = new Set([...parts.site, ...parts.experiment].map(({ urn }) => urn));
  t.deepEqual(
    recorded.map(({ urn }) => urn).filter((urn) => !known.has(urn) && !others.includes(urn)),
    [],
  );
  t.true(parts.site.length > 60, String(parts.site.length));
  t.true(parts.experiment.length > 6, String(parts.experiment.length));
});

test("types and names are as they were, for programs that have these components among their own", (t) => {
  const list = [...parts.site, ...parts.experiment].map(({ type, name }) => `${type} ${name}\n`).sort();
  matchesGolden(t, "library-resources.txt", list.join(""));
});

for (const component of ["site", "experiment"] as const) {
  test(`${component}: protect reaches every part`, (t) => {
    t.deepEqual(
      parts[component].filter(({ protect }) => !protect).map(({ urn }) => urn),
      [],
    );
  });

  test(`${component}: a transformation sees every part`, (t) => {
    t.deepEqual(shown[component].toSorted(), parts[component].map(({ type, name }) => `${type} ${name}`).sort());
  });

  test(`${component}: what it depends on outlives every part`, (t) => {
    const before = find("command:local:Command", component === "site" ? "power" : "light");
    const free = parts[component].filter(({ custom, urn }) => custom && !dependenciesOf(recorded, urn).has(before));
    t.deepEqual(
      free.map(({ urn }) => urn),
      [],
    );
  });

  test(`${component}: every command runs by the provider that was given, every object lies in the component's cluster`, (t) => {
    const own = find("pulumi:providers:kubernetes", component === "site" ? "barn" : "threads-1");
    const commands = parts[component].filter(({ type }) => type.startsWith("command:"));
    const objects = parts[component].filter(({ type }) => type.startsWith("kubernetes:"));
    t.true(commands.length > 0 && objects.length > 0);
    for (const { provider, urn } of commands) t.is(provider, find("pulumi:providers:command", "here"), urn);
    for (const { provider, urn } of objects) t.is(provider, own, urn);
  });
}

test("an experiment that the site does not know is told so", (t) => {
  t.throws(() => site.forExperiment("threads-9"), {
    instanceOf: bramble.UserError,
    message: /barn does not let this experiment in\n {2}Next: name threads-9 under experiments/,
  });
});
