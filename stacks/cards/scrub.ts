import type { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { Endpoint } from "../remote/endpoint.ts";
import { stackCommand } from "../remote/stack-command.ts";
import { describeCard } from "./card.ts";
import type { ScrubInput } from "./scrub-card.ts";
import { instanceIdOf } from "./instance-id.ts";
import type { WantedCard } from "./seed.ts";
import { wifiOf } from "./seed/network-config.ts";
import { wifiKey } from "./seed/wifi-key.ts";
import { cardOf } from "./stamp.ts";

/**
 * The resource that takes the secrets of first boot (host key, Wi-Fi key) off a card's boot partition and out of what cloud-init
 * keeps, and proves it by a scan. It depends on the card, and runs again only for another card or another way to the node; the
 * node knows when nothing is left to do. An adopted node has none.
 */
export function scrubCommand(
  wanted: Omit<WantedCard, "system"> & { readonly endpoint: Endpoint },
  options: pulumi.CustomResourceOptions,
): local.Command {
  const { site, node, endpoint } = wanted;
  const card = cardOf(site, node);
  const input: ScrubInput = { endpoint, instance: instanceIdOf(card), secrets: secretsOnCard(wanted) };
  return stackCommand(
    `${node}-scrub`,
    {
      create: "cards/scrub-card.ts",
      input,
      environment: { BRAMBLE_CARD: describeCard(card) },
      logging: "stdoutAndStderr",
    },
    options,
  );
}

/** Texts that no longer may be found on a card after first boot. */
export function secretsOnCard({ site, node, keys, wifiPassword }: Omit<WantedCard, "system">): string[] {
  const wifi = wifiOf(site, node);
  // The first line of a key's file is the same for all keys, and the last may be too short to be this one's alone.
  const lines = keys
    .hostKey(node)
    .privateKey.split("\n")
    .filter((line) => line.length === 64)
    .slice(1);
  return [...lines, ...(wifi === undefined ? [] : [wifiKey(wifi.ssid, wifiPassword)])];
}
