import test from "ava";
import fc from "fast-check";
import { cardContent } from "../../../stacks/cards/card-content.ts";
import type { WantedCard } from "../../../stacks/cards/seed.ts";
import { formatStamp } from "../../../stacks/cards/stamp.ts";
import { siteSchema } from "../../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../keys/example.ts";
import { system, validSite } from "./arbitrary-site.ts";
import { exampleWifiPassword, goldenCard, goldenCards, richSite } from "./golden-cards.ts";

// As the images have them, in short.
const originals: Readonly<Record<string, string>> = {
  "cmdline.txt": "console=serial0,115200 console=tty1 root=PARTUUID=53ab21e3-02 rootfstype=ext4 rootwait resize\n",
  "current/cmdline.txt": "console=tty1 root=LABEL=writable rootfstype=ext4 panic=10 rootwait fixrtc\n",
  "config.txt":
    "[all]\nos_prefix=current/\ndtparam=audio=on\ndtoverlay=vc4-kms-v3d\n[cm5]\ndtoverlay=dwc2,dr_mode=host\n",
};

for (const [name, wanted] of Object.entries(goldenCards)) {
  const { files, edits, stamp } = cardContent(wanted);
  const edited = Object.entries(edits).map(([path, edit]) => [path, edit(originals[path] ?? "")] as const);
  for (const [path, text] of [...Object.entries(files), ...edited, ["bramble.json", formatStamp(stamp)] as const])
    test(`${name}: ${path} is as it was`, (t) => {
      matchesGolden(t, `cards/${name}/${path}`, text);
    });

  test(`${name}: it edits only what there is`, (t) => {
    t.true(Object.keys(edits).every((path) => path in originals));
    t.false("bramble.json" in files);
  });
}

const plain = goldenCard("raspberry-pi-os/plain");
const stampOf = (change: Partial<WantedCard>) => {
  const card = { ...plain, ...change };
  return cardContent({ ...card, keys: deriveSiteKeys(exampleRootSecret, card.site) }).stamp;
};
const changed = (change: (site: ReturnType<typeof exampleSite>) => void) => {
  const site = exampleSite();
  change(site);
  return stampOf({ site });
};

test("the same configuration gives the same card; its order makes no difference", (t) => {
  const site = exampleSite();
  site.nodes = Object.fromEntries(Object.entries(site.nodes).reverse());
  t.deepEqual(stampOf({ site }), stampOf({}));
});

test("what is not on a card leaves its stamp alone", (t) => {
  const stamp = changed((site) => {
    site.k3s.version = "v1.35.0+k3s1";
    site.modelRegistry = "192.168.7.2:5000";
    site.preparation.journalMegabytes = 50;
    site.timeouts.boot = 600;
    site.nodes["pi-3"] = exampleNode({ role: "agent", address: "192.168.7.13" });
  });
  t.deepEqual(stamp, stampOf({}));
});

const changes: [string, readonly string[], ReturnType<typeof stampOf>][] = [
  ["the image", ["image"], changed((site) => void (site.image.sha256 = "c".repeat(64)))],
  ["the gateway", ["network"], changed((site) => void (site.network.gateway = "192.168.7.254"))],
  ["the user", ["access"], changed((site) => void (site.user = "ada"))],
  ["the SSH port", ["access"], changed((site) => void (site.access.port = 2222))],
  ["the time zone", ["time zone"], changed((site) => void (site.timeZone = "Europe/Madrid"))],
  ["time servers", ["time servers"], changed((site) => void (site.timeServers = ["ntp.example.org"]))],
  ["the locale", ["locale"], changed((site) => void (site.locale = "en_GB.UTF-8"))],
  ["the admin's key", ["authorised keys"], changed((site) => void (site.adminKeyGeneration = 2))],
  ["a fan", ["firmware"], changed((site) => void (site.firmware.fan = [{ celsius: 50, speed: 100 }]))],
  ["the page size", ["page size"], changed((site) => void (site.firmware.pageSize = 4096))],
  ["a snippet", ["cloud-init"], changed((site) => void (site.cloudInit = { packages: ["vim"] }))],
];
for (const [what, parts, stamp] of changes)
  test(`${what} is a part of the stamp that can be named`, (t) => {
    const before = stampOf({});
    const differ = Object.keys(stamp.parts).filter((part) => stamp.parts[part] !== before.parts[part]);
    t.deepEqual(differ, parts);
    t.not(stamp.digest, before.digest);
  });

test("the Wi-Fi key is part of the network, and nobody without the host key can try passphrases on its digest", (t) => {
  const site = richSite();
  const card = goldenCard("raspberry-pi-os/wifi");
  const before = cardContent(card).stamp.parts.network;
  t.not(cardContent({ ...card, wifiPassword: "another passphrase" }).stamp.parts.network, before);
  // All that the digest is over is the same here, but for the key of the digest itself.
  const other = deriveSiteKeys("f".repeat(16) + exampleRootSecret.slice(16), site);
  t.not(cardContent({ ...card, keys: other }).stamp.parts.network, before);
});

test("any valid site's card: edits are made once, and a stamp is a stamp", (t) => {
  fc.assert(
    fc.property(validSite, system, fc.string(), ({ site, node }, on, text) => {
      const keys = deriveSiteKeys(exampleRootSecret, site);
      const wanted = { site, node, system: on, keys, wifiPassword: exampleWifiPassword };
      const { stamp, edits } = cardContent(wanted);
      t.notThrows(() => formatStamp(stamp));
      for (const edit of Object.values(edits)) t.is(edit(edit(text)), edit(text));
      const again = siteSchema.parse(JSON.parse(JSON.stringify(site)));
      t.deepEqual(cardContent({ ...wanted, site: again }).stamp, stamp);
    }),
    { numRuns: 50 },
  );
});
