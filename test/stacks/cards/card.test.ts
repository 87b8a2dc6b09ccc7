import * as pulumi from "@pulumi/pulumi";
import test from "ava";
import type { Site } from "../../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../keys/example.ts";
import { exampleFacts } from "../nodes/example-report.ts";
import { richSite } from "./golden-cards.ts";

const registered = new Map<string, Record<string, unknown>>();
await pulumi.runtime.setMocks(
  {
    newResource: ({ name, inputs }) => {
      registered.set(name, inputs as Record<string, unknown>);
      return { id: `${name}-id`, state: { stdout: JSON.stringify(exampleFacts()) } };
    },
    call: ({ inputs }) => inputs as Record<string, unknown>,
  },
  "bramble",
  "barn-1",
  false,
);
// After the mocks: the SDK reads its settings when it is loaded.
const { Card } = await import("../../../stacks/cards/card.ts");
const { scrubCommand } = await import("../../../stacks/cards/scrub.ts");

let parents = 0;
let facts: unknown;

/** What a node's card, or the scrubbing of it, is registered with. */
async function inputsOf(site: Site, kind: "card" | "scrub", node = "pi-2"): Promise<Record<string, unknown>> {
  const keys = deriveSiteKeys(exampleRootSecret, site);
  const endpoint = endpointOf(site, node, keys);
  const parent = new pulumi.ComponentResource("test:Parent", `parent-${parents++}`, {});
  registered.clear();
  if (kind === "card") {
    const component = new Card(node, { site, stack: "barn-1", endpoint }, { parent });
    facts = await new Promise((resolve) => component.facts.apply(resolve));
  } else {
    const { id } = scrubCommand({ site, node, keys, wifiPassword: "correct horse", endpoint }, { parent });
    await new Promise((resolve) => id.apply(resolve));
  }
  return registered.get(`${node}-${kind}`) ?? {};
}

test.serial("a card is shown by what it is, and its facts are read", async (t) => {
  const { create, environment } = await inputsOf(exampleSite(), "card");
  t.is(create, "node cards/check-card.ts");
  t.deepEqual(environment, { BRAMBLE_CARD: "generation 3 of pi-2 in site barn" });
  t.deepEqual(facts, exampleFacts());
});

test.serial("a seed that changes at the same generation touches no card", async (t) => {
  const changed = exampleSite();
  changed.image.sha256 = "c".repeat(64);
  changed.network.nameservers = [];
  changed.timeZone = "Europe/Madrid";
  changed.locale = "en_GB.UTF-8";
  changed.timeServers = ["ntp.example.org"];
  changed.authorizedKeys = ["ssh-ed25519 AAAA ada"];
  changed.cloudInit = { packages: ["vim"] };
  changed.firmware = { pageSize: 4096, pcieGeneration: 3 };
  for (const kind of ["card", "scrub"] as const)
    t.deepEqual(await inputsOf(changed, kind), await inputsOf(exampleSite(), kind), kind);
});

test.serial("another generation does", async (t) => {
  const raised = exampleSite();
  raised.nodes["pi-2"] = exampleNode({ role: "agent", address: "192.168.7.12", generation: 4 });
  t.deepEqual((await inputsOf(raised, "card")).environment, { BRAMBLE_CARD: "generation 4 of pi-2 in site barn" });
  t.deepEqual((await inputsOf(raised, "scrub")).environment, { BRAMBLE_CARD: "generation 4 of pi-2 in site barn" });
});

test.serial("an adopted node is shown as one, and asked for no card", async (t) => {
  const site = exampleSite();
  site.nodes["pi-2"] = exampleNode({ role: "agent", address: "192.168.7.12", hostKey: "ssh-ed25519 AAAA" });
  const { environment, stdin } = await inputsOf(site, "card");
  t.deepEqual(environment, { BRAMBLE_CARD: "none: pi-2 is adopted" });
  t.false(JSON.stringify(stdin).includes("generation"));
});

test.serial("what is scrubbed is known by stdin alone, as a secret", async (t) => {
  const site = richSite();
  const { stdin, ...visible } = await inputsOf(site, "scrub");
  const lines = deriveSiteKeys(exampleRootSecret, site).hostKey("pi-2").privateKey.split("\n");
  t.true(lines.some((line) => line.length === 64 && JSON.stringify(stdin).includes(line)));
  t.false(lines.slice(1, -2).some((line) => JSON.stringify(visible).includes(line)));
  t.is((stdin as Record<string, unknown>)["4dabf18193072939515e22adb298388d"], "1b47061264138c4ac30d75fd1eb44270");
});
