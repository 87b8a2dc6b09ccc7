import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import test from "ava";
import { parse } from "yaml";
import { parseSite } from "../../stacks/config/parse.ts";
import { root } from "../../stacks/root.ts";
import { servingPlan } from "../../stacks/serving-plan.ts";
import { baseModel } from "../workloads/ollama/base-model.ts";
import { matchesGolden } from "../golden.ts";
import { dependenciesOf, recordResources } from "./recorded-resources.ts";

const recorded = await recordResources("barn");
const { Serving } = await import("../../stacks/serving.ts");
const { clusterProvider } = await import("../../stacks/cluster-provider.ts");

const fixture = readFileSync(join(root, "test", "fixtures", "valid", "site-serving.yaml"), "utf8");
const { config } = parse(fixture) as { config: Record<string, unknown> };
const { reference, digest, ...source } = baseModel;
const entry = { digest, bytes: 1, quantization: null, parameters: null, source };
const plan = servingPlan(
  parseSite("barn", config["bramble:site"]),
  { schema: 1, models: { [reference]: entry, "qwen3:0.6b": entry } },
  (client) => client.padEnd(64, "0"),
);
if (plan === undefined) throw new Error("the fixture serves no models");
const parent = new pulumi.ComponentResource("bramble:site:Site", "barn");
const provider = clusterProvider("barn", { name: "barn", kubeconfig: pulumi.secret("the kubeconfig") }, { parent });
const { parts } = new Serving("barn", { plan, provider }, { parent });
await Promise.all(
  parts.map(
    ({ urn }) =>
      new Promise<void>((resolve) => {
        urn.apply(() => {
          resolve();
        });
      }),
  ),
);

test("types and names are as they were: a change without aliases would take models away from clients", (t) => {
  matchesGolden(
    t,
    "serving-resources.txt",
    recorded
      .map(({ urn }) => `${urn}\n`)
      .sort()
      .join(""),
  );
});

test("clients are let in when all models are there, and a server starts after its policy", (t) => {
  const urn = (type: string, name: string) =>
    recorded.find((one) => one.type.endsWith(`:${type}`) && one.name === name)?.urn ?? "missing";
  const before = dependenciesOf(recorded, urn("Service", "model-proxy"));
  for (const label of ["assistant", "coder"]) {
    t.true(before.has(urn("Deployment", `model-${label}`)));
    t.true(before.has(urn("Service", `model-${label}`)));
  }
  t.true(dependenciesOf(recorded, urn("Deployment", "model-coder")).has(urn("NetworkPolicy", "model-coder")));
  t.true(dependenciesOf(recorded, urn("Deployment", "model-coder")).has(urn("NetworkPolicy", "models")));
});
