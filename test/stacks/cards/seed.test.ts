import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { parse } from "yaml";
import type { z } from "zod";
import { renderSeed, type WantedCard } from "../../../stacks/cards/seed.ts";
import { parseSite } from "../../../stacks/config/parse.ts";
import type { Site, siteSchema } from "../../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../keys/example.ts";
import { hostile, system, validSite } from "./arbitrary-site.ts";
import { exampleWifiPassword, goldenCards, richSite } from "./golden-cards.ts";
import { expectedFacts, factsOf } from "./seed-facts.ts";

function wanted(given: Partial<WantedCard>): WantedCard {
  const site = given.site ?? exampleSite();
  return {
    site,
    node: "pi-2",
    system: "raspberry-pi-os",
    keys: deriveSiteKeys(exampleRootSecret, site),
    wifiPassword: exampleWifiPassword,
    ...given,
  };
}

test("a seed holds what cloud-init's NoCloud reads, and nothing else", (t) => {
  for (const card of Object.values(goldenCards)) {
    const seed = renderSeed(card);
    t.deepEqual(Object.keys(seed).sort(), ["meta-data", "network-config", "user-data"]);
    t.true(seed["user-data"].startsWith("#cloud-config\n"));
  }
});

test("what is not in the seed leaves it alone", (t) => {
  const changed = exampleSite();
  changed.k3s.version = "v1.35.0+k3s1";
  changed.modelRegistry = "192.168.7.2:5000";
  changed.firmware = { pcieGeneration: 3 };
  changed.nodes["pi-2"] = exampleNode({ role: "agent", address: "192.168.7.12", generation: 3, labels: { a: "b" } });
  t.deepEqual(renderSeed(wanted({ site: changed })), renderSeed(wanted({})));
});

test("the admin's present key lets in, then further people's, each once; former keys do not", (t) => {
  const site = richSite();
  const keys = deriveSiteKeys(exampleRootSecret, site);
  const [ada] = site.authorizedKeys;
  const data = renderSeed(wanted({ site: { ...site, authorizedKeys: [ada ?? "", ada ?? ""] } }))["user-data"];
  const { user } = parse(data) as { user: { ssh_authorized_keys: string[] } };
  t.is(keys.adminKeys.length, 2);
  t.deepEqual(user.ssh_authorized_keys, [keys.admin.publicKey, ada]);
});

test("the Wi-Fi passphrase is not on the card, only the key made from it", (t) => {
  const files = renderSeed(wanted({ site: richSite() }));
  t.false(JSON.stringify(files).includes(exampleWifiPassword));
  t.regex(files["network-config"], /password: "[0-9a-f]{64}"/);
});

test("a node with Wi-Fi and no passphrase is refused; one with a cable needs none", (t) => {
  const site = richSite();
  const error = t.throws(() => renderSeed(wanted({ site, wifiPassword: undefined })), { instanceOf: UserError });
  t.regex(error.message, /bramble:wifiPassword: is missing[^]*config set --secret bramble:wifiPassword/);
  t.notThrows(() => renderSeed(wanted({ site, node: "pi-1", wifiPassword: undefined })));
});

test("an adopted node has no card", (t) => {
  const site = exampleSite();
  site.nodes["pi-2"] = exampleNode({ role: "agent", address: "192.168.7.12", hostKey: "ssh-ed25519 AAAA" });
  t.throws(() => renderSeed(wanted({ site })), { instanceOf: UserError, message: /is adopted/ });
});

test("the user's own cloud-config: lists are appended, maps merged, the node's after the site's", (t) => {
  const site = exampleSite();
  site.cloudInit = { runcmd: ["site"], apt: { conf: "site", sources: { a: { source: "x" } } }, final_message: "site" };
  site.nodes["pi-2"] = exampleNode({
    role: "agent",
    address: "192.168.7.12",
    cloudInit: { runcmd: [["node"]], apt: { conf: "node" }, final_message: "node", packages: ["vim"] },
  });
  const data = parse(renderSeed(wanted({ site }))["user-data"]) as Record<string, unknown>;
  t.deepEqual((data.runcmd as unknown[]).slice(-2), ["site", ["node"]]);
  t.deepEqual((data.runcmd as unknown[])[0], ["sync"], "ours come first");
  t.deepEqual(data.apt, { preserve_sources_list: true, conf: "node", sources: { a: { source: "x" } } });
  t.deepEqual([data.final_message, data.packages], ["node", ["vim"]]);
});

test("the order of a map in the configuration makes no difference", (t) => {
  const [one, other] = [exampleSite(), exampleSite()];
  one.cloudInit = { packages: ["vim"], apt: { conf: "x", primary: [{ uri: "http://a", arches: ["default"] }] } };
  other.cloudInit = { apt: { primary: [{ arches: ["default"], uri: "http://a" }], conf: "x" }, packages: ["vim"] };
  other.nodes = Object.fromEntries(Object.entries(other.nodes).reverse());
  t.deepEqual(renderSeed(wanted({ site: one })), renderSeed(wanted({ site: other })));
});

function readsBack(t: ExecutionContext, card: WantedCard) {
  const files = renderSeed(card);
  for (const version of ["1.1", "1.2"] as const)
    t.deepEqual(
      factsOf(card.node, (name) => parse(files[name], { version }) as unknown),
      expectedFacts(card),
    );
}

test("any valid site's seed reads back to the same facts, with either version of YAML", (t) => {
  fc.assert(
    fc.property(validSite, system, ({ site, node }, on) => {
      readsBack(t, wanted({ site, node, system: on }));
    }),
    { numRuns: 150 },
  );
});

type SiteInput = z.input<typeof siteSchema>;

/** Every string of a site that ends up on a card, and where a node has it. */
const stringFields: Readonly<Record<string, (site: SiteInput, text: string) => unknown>> = {
  name: (site, name) => ({ ...site, name }),
  user: (site, user) => ({ ...site, user }),
  authorizedKeys: (site, text) => ({ ...site, authorizedKeys: [text] }),
  "authorizedKeys' comment": (site, text) => ({ ...site, authorizedKeys: [`ssh-ed25519 AAAA ${text}`] }),
  gateway: (site, gateway) => ({ ...site, network: { ...site.network, gateway } }),
  nameservers: (site, text) => ({ ...site, network: { ...site.network, nameservers: [text] } }),
  interface: (site, text) => ({ ...site, network: { ...site.network, interface: text } }),
  country: (site, country) => ({
    ...site,
    network: { ...site.network, wifi: { ssid: "barn", country } },
  }),
  ssid: (site, text) => ({ ...site, network: { ...site.network, wifi: { ssid: text, country: "GB" } } }),
  locale: (site, locale) => ({ ...site, locale }),
  timeZone: (site, timeZone) => ({ ...site, timeZone }),
  timeServers: (site, text) => ({ ...site, timeServers: [text] }),
  "cloud-init's strings": (site, text) => ({ ...site, cloudInit: { final_message: text } }),
  "cloud-init's keys": (site, text) => ({ ...site, cloudInit: { apt: { sources: { [text]: { source: text } } } } }),
  "cloud-init's top-level keys": (site, text) => ({ ...site, cloudInit: { [text]: text } }),
  address: (site, address) => ({ ...site, nodes: { "pi-1": { role: "server", address } } }),
  "the node's name": (site, text) => ({ ...site, nodes: { [text]: { role: "server", address: "192.168.7.11" } } }),
};

/** A site as a stack's program reads it, or undefined where it is refused. */
function acceptedSite(value: unknown): Site | undefined {
  try {
    return parseSite("hostile", value);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Fields that may hold anything: there, what is hostile must get through. */
const free: readonly string[] = ["ssid", "cloud-init's strings", "cloud-init's keys"];

for (const [field, put] of Object.entries(stringFields))
  test(`hostile strings are refused or inert: ${field}`, (t) => {
    const base: SiteInput = {
      name: "barn",
      image: { file: "images/os.img", sha256: "a".repeat(64) },
      network: { prefix: 24, gateway: "192.168.7.1", wifi: { ssid: "barn", country: "GB" } },
      nodes: { "pi-1": { role: "server", address: "192.168.7.11", wifi: true } },
      k3s: { version: "v1.34.2+k3s1", binary: { file: "images/k3s", sha256: "b".repeat(64) } },
    };
    let accepted = 0;
    fc.assert(
      fc.property(hostile, system, (text, on) => {
        const site = acceptedSite(put(base, text));
        if (site === undefined) return;
        accepted++;
        readsBack(t, wanted({ site, node: Object.keys(site.nodes)[0] ?? "", system: on }));
      }),
    );
    if (free.includes(field)) t.true(accepted > 30, `${accepted} were let through`);
    else t.pass();
  });
