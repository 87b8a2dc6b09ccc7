import { createHmac } from "node:crypto";
import { nodeOf } from "../config/site.ts";
import { accountOf } from "../remote/site-endpoint.ts";
import { firmwareOf, renderFirmwareSettings } from "./firmware-config.ts";
import { sorted } from "./seed/merge.ts";
import { wifiOf } from "./seed/network-config.ts";
import { authorizedKeysOf, snippetOf, sshPortOf } from "./seed/user-data.ts";
import { wifiKey } from "./seed/wifi-key.ts";
import type { WantedCard } from "./seed.ts";

/** Parts of a card that are kept up on the running node too, so that a difference is none to worry about. */
export const partsKeptUp: readonly string[] = ["authorised keys", "firmware"];

/**
 * Short digests of what a card is made from, part by part, so that a difference can be named. They are over the configuration's
 * facts, not over rendered text: a newer Bramble that writes the same differently finds no difference. They are keyed with the
 * node's host key, so that nobody can try Wi-Fi passphrases or other guesses on them.
 */
export function cardParts(wanted: WantedCard): Readonly<Record<string, string>> {
  const { site, node, keys, system, wifiPassword } = wanted;
  const { address, address6, generation } = nodeOf(site, node);
  const wifi = wifiOf(site, node);
  const host = keys.hostKey(node);
  const facts: Record<string, unknown> = {
    image: [site.image.sha256, system],
    identity: [site.name, node, generation, host.publicKey],
    access: [accountOf(site, node), sshPortOf(site, node)],
    "authorised keys": authorizedKeysOf(site, keys),
    // A node with a cable knows nothing of the Wi-Fi.
    network: [
      { ...site.network, wifi: undefined },
      address,
      address6,
      wifi && { ...wifi, key: wifiKey(wifi.ssid, wifiPassword) },
    ],
    locale: site.locale,
    "time zone": site.timeZone,
    "time servers": site.timeServers,
    firmware: renderFirmwareSettings(site, node),
    "page size": firmwareOf(site, node).pageSize,
    "cloud-init": snippetOf(site, node),
  };
  const digest = (name: string, value: unknown) =>
    createHmac("sha256", host.privateKey)
      .update(JSON.stringify([name, sorted(value) ?? null]))
      .digest("hex")
      .slice(0, 12);
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, digest(name, value)]));
}
