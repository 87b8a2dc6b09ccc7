import * as pulumi from "@pulumi/pulumi";
import test from "ava";
import { NodeUnavailable } from "../../stacks/remote/node-unavailable.ts";
import { endpointOf } from "../../stacks/remote/site-endpoint.ts";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { cardContent } from "../../stacks/cards/card-content.ts";
import type { Observation } from "../../stacks/nodes/observe.ts";
import { matchesGolden } from "../golden.ts";
import { exampleFacts, exampleHealth, exampleK3s } from "./nodes/example-report.ts";
import { exampleRootSecret, exampleSite } from "./keys/example.ts";

const facts = exampleFacts();

interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}
const registered: Registered[] = [];

await pulumi.runtime.setMocks(
  {
    newResource: ({ type, name, inputs }) => {
      registered.push({ type, name, inputs: inputs as Record<string, unknown> });
      return {
        id: `${name}-id`,
        state: { stdout: name.endsWith("-card") ? JSON.stringify(facts) : "" },
      };
    },
    call: ({ inputs }) => inputs as Record<string, unknown>,
  },
  "bramble",
  "barn",
  false,
);
// After the mocks: the SDK reads its settings when it is loaded.
const { Site } = await import("../../stacks/site.ts");

const config = { ...exampleSite(), modelRegistry: "192.168.7.2:5000", experiments: ["threads-1"] };
const now = new Date("2026-11-24T12:00:00Z");
const keys = deriveSiteKeys(exampleRootSecret, config);
const silent = new NodeUnavailable(endpointOf(config, "pi-2", keys), "unreachable");
const answering: Observation = {
  machine: "1f2e3d4c5b6a",
  stamp: cardContent({ site: config, node: "pi-1", keys, system: "raspberry-pi-os", wifiPassword: undefined }).stamp,
  facts,
  health: exampleHealth(),
  k3s: exampleK3s(),
  clockSkew: 0,
  records: {},
};
const site = new Site("barn", {
  config,
  keys,
  wifiPassword: undefined,
  now,
  lock: { schema: 1, models: {} },
  observations: new Map<string, Observation>([
    ["pi-1", answering],
    ["pi-2", silent],
  ]),
});
const outputs = (await promiseOf(pulumi.output(site.outputs))) as Record<string, unknown>;

function promiseOf(output: pulumi.Output<unknown>): Promise<unknown> {
  return new Promise((resolve) => {
    output.apply((value) => {
      resolve(value);
    });
  });
}

const command = (name: string) => registered.find((resource) => resource.name === name)?.inputs ?? {};

test("types and names are as they were: a change without aliases would reinstall clusters", (t) => {
  const monitor = pulumi.runtime.getMonitor() as unknown as { getRegisteredResources(): Map<string, unknown> };
  const urns = [...monitor.getRegisteredResources().keys()].map((urn) => `${urn}\n`).sort();
  matchesGolden(t, "site-resources.txt", urns.join(""));
});

test("no secret is in any input that is not marked as one", (t) => {
  const pem = (text: string) => text.split("\n").filter((line) => line.length > 20 && !line.startsWith("-----"));
  const secrets = [
    exampleRootSecret,
    keys.serverToken,
    keys.agentToken,
    ...pem(keys.serviceKey),
    ...pem(keys.experimentKubeconfig("threads-1", "192.168.7.11", now)).filter((line) =>
      line.includes("client-key-data"),
    ),
    ...Object.keys(config.nodes).map((node) => keys.nodePassword(node)),
    ...[keys.admin, ...Object.keys(config.nodes).map((node) => keys.hostKey(node))].flatMap(({ privateKey }) =>
      pem(privateKey),
    ),
    ...Object.values(keys.authorities).flatMap(({ key }) => pem(key)),
    ...pem(keys.kubeconfig("192.168.7.11", now)).filter((line) => line.includes("client-key-data")),
  ];
  const plain = JSON.stringify(
    registered.map(({ inputs }) => inputs),
    (_key, value: unknown) => (isSecret(value) ? "[secret]" : value),
  );
  for (const secret of secrets) t.false(plain.includes(secret));
  const all = JSON.stringify(registered.map(({ inputs }) => inputs));
  t.true(all.includes(keys.serverToken), "the test looks at the right place");
});

function isSecret(value: unknown): boolean {
  const signature = "4dabf18193072939515e22adb298388d";
  return (
    typeof value === "object" &&
    value !== null &&
    (value as Record<string, unknown>)[signature] === "1b47061264138c4ac30d75fd1eb44270"
  );
}

test("a phase's diff shows digests of its files, and no script", (t) => {
  const { create, environment } = command("pi-1-k3s") as { create: string; environment: Record<string, string> };
  t.is(create, "node k3s/change-node.ts");
  t.regex(environment["/etc/rancher/k3s/config.yaml"] ?? "", /^0\.\d kB 0600 sha256 [0-9a-f]{8}$/);
  for (const value of Object.values(environment)) t.true(value.length < 80, value);
});

test("where a node answers, what is amiss there is in its phases; where it is silent, nothing is", (t) => {
  const repair = (name: string) => (command(name).environment as Record<string, string>).BRAMBLE_REPAIR;
  t.is(repair("pi-1-k3s"), "not on pi-1 yet (machine 1f2e3d4c)");
  t.is(repair("pi-2-k3s"), undefined);
  t.is(repair("pi-2-preparation"), undefined);
});

test("nothing is changed on a node before all cards are checked, and agents follow their server", (t) => {
  const order = registered.map(({ name }) => name);
  const position = (name: string) => order.indexOf(name);
  const lastCard = Math.max(position("pi-1-card"), position("pi-2-card"));
  for (const node of ["pi-1", "pi-2"]) {
    t.true(lastCard < position(`${node}-preparation`));
    t.true(position(`${node}-preparation`) < position(`${node}-k3s`));
  }
  t.true(position("pi-1-k3s") < position("pi-2-k3s"));
  t.true(position("pi-2-k3s") < position("pi-2-membership"));
});

test("the cluster's identity does not hang on what a preview knows", (t) => {
  const provider = registered.find(({ type }) => type === "pulumi:providers:kubernetes");
  t.is(provider?.inputs.clusterIdentifier, "bramble-barn");
});

test("experiments find what they need in the outputs", (t) => {
  t.deepEqual(outputs.nodes, {
    "pi-1": { role: "server", address: "192.168.7.11" },
    "pi-2": { role: "agent", address: "192.168.7.12" },
  });
  t.deepEqual([outputs.name, outputs.server, outputs.modelRegistry], ["barn", "pi-1", "192.168.7.2:5000"]);
  t.deepEqual(outputs.facts, { "pi-1": facts, "pi-2": facts });
  t.is(outputs.kubeconfig, keys.kubeconfig("192.168.7.11", now));
});

test("the kubeconfig is secret, the facts are not", async (t) => {
  const secretness = (value: unknown) => (value as { isSecret: Promise<boolean> }).isSecret;
  t.true(await secretness(site.outputs.kubeconfig));
  t.false(await secretness(site.outputs.facts["pi-1"]));
});
