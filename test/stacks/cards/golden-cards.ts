import type { WantedCard } from "../../../stacks/cards/seed.ts";
import type { System } from "../../../stacks/cards/system.ts";
import type { Site } from "../../../stacks/config/site.ts";
import { siteSchema } from "../../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { exampleRootSecret, exampleSite } from "../keys/example.ts";

/** The passphrase of tests; it is no secret. */
export const exampleWifiPassword = "correct horse battery staple";

function wanted(site: Site, node: string, system: System): WantedCard {
  return { site, node, system, keys: deriveSiteKeys(exampleRootSecret, site), wifiPassword: exampleWifiPassword };
}

/** A site with everything that a card can be told. */
export function richSite(): Site {
  return siteSchema.parse({
    name: "barn",
    user: "operator",
    adminKeyGeneration: 2,
    authorizedKeys: [
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada@example.org",
    ],
    image: { file: "images/os.img", sha256: "a".repeat(64) },
    network: {
      prefix: 24,
      gateway: "192.168.7.1",
      nameservers: ["192.168.7.1", "fd00::1"],
      interface: "end0",
      ipv6: { method: "static", prefix: 64, gateway: "fd00::1" },
      wifi: { ssid: "Barn & Field", country: "GB", hidden: true },
    },
    access: { port: 2222 },
    locale: "en_GB.UTF-8",
    timeZone: "Europe/London",
    timeServers: ["ntp.example.org", "192.168.7.1"],
    cloudInit: { write_files: [{ path: "/etc/motd", content: "Welcome to the barn\n" }], package_update: true },
    firmware: {
      pcieGeneration: 2,
      pageSize: 4096,
      fan: [
        { celsius: 50, speed: 75 },
        { celsius: 60, speed: 255 },
      ],
    },
    nodes: {
      "pi-1": { role: "server", address: "192.168.7.11", address6: "fd00::11" },
      "pi-2": {
        role: "agent",
        address: "192.168.7.12",
        address6: "fd00::12",
        generation: 3,
        wifi: true,
        cloudInit: { runcmd: [["touch", "/var/tmp/here"]] },
        firmware: { pcieGeneration: 3 },
      },
    },
    k3s: { version: "v1.34.2+k3s1", binary: { file: "images/k3s", sha256: "b".repeat(64) } },
  });
}

function dhcpSite(): Site {
  const site = exampleSite();
  site.network = { ...site.network, method: "dhcp", nameservers: [], ipv6: { method: "auto" } };
  return site;
}

/** Cards whose content is kept in golden files, by the folder they lie in. */
export const goldenCards: Readonly<Record<string, WantedCard>> = {
  "raspberry-pi-os/plain": wanted(exampleSite(), "pi-2", "raspberry-pi-os"),
  "raspberry-pi-os/dhcp": wanted(dhcpSite(), "pi-1", "raspberry-pi-os"),
  "raspberry-pi-os/wifi": wanted(richSite(), "pi-2", "raspberry-pi-os"),
  "ubuntu/plain": wanted(exampleSite(), "pi-2", "ubuntu"),
  "ubuntu/dhcp": wanted(dhcpSite(), "pi-1", "ubuntu"),
  "ubuntu/wired": wanted(richSite(), "pi-1", "ubuntu"),
  "ubuntu-ab/wifi": wanted(richSite(), "pi-2", "ubuntu-ab"),
};

export function goldenCard(name: string): WantedCard {
  const card = goldenCards[name];
  if (card === undefined) throw new Error(`there is no golden card ${name}`);
  return card;
}
