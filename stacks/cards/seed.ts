import { nodeOf, type Site } from "../config/site.ts";
import type { SiteKeys } from "../keys/site-keys.ts";
import { UserError } from "../user-error.ts";
import { instanceIdOf } from "./instance-id.ts";
import { networkConfig, wifiOf } from "./seed/network-config.ts";
import { userData } from "./seed/user-data.ts";
import { wifiKey } from "./seed/wifi-key.ts";
import { renderYaml } from "./seed/yaml.ts";
import type { System } from "./system.ts";

/** What a card is wanted for. */
export interface WantedCard {
  readonly site: Site;
  readonly node: string;
  readonly keys: SiteKeys;
  /** What the base image holds. */
  readonly system: System;
  /** `bramble:wifiPassword`; needed only for nodes that join a Wi-Fi network. */
  readonly wifiPassword: string | undefined;
}

/** cloud-init's NoCloud files, which make a card this node's: path on the boot partition -> text. Secret, since the host key is in it. */
export type Seed = Readonly<Record<"meta-data" | "network-config" | "user-data", string>>;

/**
 * Renders a node's seed. It holds only identity, network, keys, user and what must be right from first boot on: everything else is
 * done over SSH, where it can be changed without writing a card again.
 * @throws UserError for an adopted node, and where a Wi-Fi passphrase is missing
 */
export function renderSeed({ site, node, keys, system, wifiPassword }: WantedCard): Seed {
  const { generation, hostKey } = nodeOf(site, node);
  if (hostKey !== undefined)
    throw new UserError({
      what: "is adopted: it has a host key of its own, and no card of Bramble's",
      where: `nodes.${node}.hostKey`,
      next: `remove hostKey from ${node}'s configuration if its card is to be written by Bramble`,
    });
  const wifi = wifiOf(site, node);
  const key = wifi && wifiKey(wifi.ssid, wifiPassword);
  return {
    "meta-data": renderYaml({
      "instance-id": instanceIdOf({ site: site.name, node, generation }),
      "local-hostname": node,
    }),
    "network-config": renderYaml(networkConfig(site, node, system, key)),
    "user-data": `#cloud-config\n${renderYaml(userData(site, node, keys, system))}`,
  };
}
