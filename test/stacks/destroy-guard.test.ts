import * as pulumi from "@pulumi/pulumi";
import test from "ava";
import { siteSchema } from "../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { endpointOf } from "../../stacks/remote/site-endpoint.ts";
import { exampleFacts } from "./nodes/example-report.ts";
import { exampleRootSecret, exampleSite } from "./keys/example.ts";
import { dependenciesOf, recordResources } from "./recorded-resources.ts";

const recorded = await recordResources("barn", {
  state: ({ name }) => ({ stdout: name.endsWith("-card") ? JSON.stringify(exampleFacts()) : "" }),
});
const { Site } = await import("../../stacks/site.ts");

const config = siteSchema.parse({
  ...exampleSite(),
  experiments: ["threads-1"],
  nodes: {
    "pi-1": { role: "server", address: "192.168.7.11", dataDisk: { device: "/dev/disk/by-id/nvme-one" } },
    "pi-2": { role: "agent", address: "192.168.7.12", labels: { "bramble.dev/shelf": "2" } },
  },
});
const keys = deriveSiteKeys(exampleRootSecret, config);
const site = new Site("barn", {
  config,
  keys,
  lock: { schema: 1, models: {} },
  wifiPassword: undefined,
  now: new Date("2026-11-24T12:00:00Z"),
  observations: new Map(),
});
await new Promise((resolve) => {
  pulumi.output(site.outputs).apply(resolve);
});
// The guard is the last resource of all.
while (!recorded.some(({ name }) => name === "barn-guard")) await new Promise((resolve) => setTimeout(resolve, 10));

const guard = recorded.find(({ name }) => name === "barn-guard");

test("a site's guard depends on all else, so that a destroy that it refuses has deleted nothing", (t) => {
  const before = dependenciesOf(recorded, guard?.urn ?? "");
  const others = recorded.filter(({ custom, urn }) => custom && urn !== guard?.urn);
  t.true(others.length > 15, String(others.length));
  t.deepEqual(
    others.filter(({ urn }) => !before.has(urn)).map(({ urn }) => urn),
    [],
  );
});

test("it is told of the site's nodes and experiments through its standard input", (t) => {
  const { create, delete: remove, stdin, environment } = guard?.inputs ?? {};
  t.is(create, "node guard-destroy.ts watch");
  t.is(remove, "node guard-destroy.ts destroy");
  t.deepEqual(environment, {});
  // A secret, wrapped as the engine gets it.
  const input = JSON.parse((stdin as { value: string }).value) as unknown;
  t.deepEqual(input, {
    kind: "site",
    stack: "barn",
    experiments: ["threads-1"],
    endpoints: ["pi-1", "pi-2"].map((node) => endpointOf(config, node, keys)),
  });
});

test("a change of its input is an update and no replacement, which would run its deletion", (t) => {
  t.false("triggers" in (guard?.inputs ?? {}));
});

test("servers and data disks are protected", (t) => {
  const protectedNames = recorded.filter(({ protect }) => protect).map(({ name }) => name);
  t.true(
    protectedNames.some((name) => name.startsWith("pi-1-k3s")),
    protectedNames.join(", "),
  );
  t.true(
    protectedNames.some((name) => name.includes("disk")),
    protectedNames.join(", "),
  );
  t.false(
    protectedNames.some((name) => name.startsWith("pi-2")),
    protectedNames.join(", "),
  );
});
