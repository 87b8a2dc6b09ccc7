import type { Network } from "../../config/network.ts";
import { nodeOf, type Site } from "../../config/site.ts";
import type { System } from "../system.ts";

/** The Wi-Fi interface on a Raspberry Pi, with either system. */
const wifiInterface = "wlan0";

/** The network of the site that this node joins over the air, or undefined where it has a cable. */
export function wifiOf(site: Site, node: string): NonNullable<Network["wifi"]> | undefined {
  return nodeOf(site, node).wifi ? given(site.network.wifi, "network.wifi") : undefined;
}

/**
 * Netplan's version 2, in the subset that every renderer of cloud-init 22.4 and later understands. Wi-Fi needs netplan itself,
 * which both systems have.
 * @param wifiKey of the node's Wi-Fi network; undefined where it has a cable
 */
export function networkConfig(site: Site, node: string, system: System, wifiKey: string | undefined) {
  const wifi = wifiOf(site, node);
  const addressing = addressingOf(site, node, system);
  if (wifi === undefined) return { version: 2, ethernets: { [site.network.interface]: addressing } };
  const { ssid, country, hidden } = wifi;
  return {
    version: 2,
    wifis: {
      [wifiInterface]: {
        ...addressing,
        // Since netplan 0.105; rpi-imager writes it too. It stands on the kernel's command line as well, since Raspberry Pi OS
        // keeps the radio off until there is a country.
        "regulatory-domain": country,
        "access-points": { [ssid]: { ...(hidden && { hidden }), password: given(wifiKey, "the Wi-Fi key") } },
      },
    },
  };
}

function addressingOf(site: Site, node: string, system: System) {
  const { method, prefix, gateway, nameservers, ipv6 } = site.network;
  const { address, address6 } = nodeOf(site, node);
  const static4 = method === "static";
  const static6 = ipv6?.method === "static";
  const addresses = [
    ...(static4 ? [`${address}/${given(prefix, "network.prefix")}`] : []),
    ...(static6 ? [`${given(address6, "address6")}/${given(ipv6.prefix, "network.ipv6.prefix")}`] : []),
  ];
  // Not `to: default`: cloud-init 22.4 takes that word for an address in all its renderers but netplan's, and fails.
  const routes = [
    ...(static4 ? [{ to: "0.0.0.0/0", via: given(gateway, "network.gateway") }] : []),
    ...(static6 && ipv6.gateway !== undefined ? [{ to: "::/0", via: ipv6.gateway }] : []),
  ];
  return {
    dhcp4: !static4,
    // Netplan gives NetworkManager (Raspberry Pi OS) "auto" only for dhcp6; what the router advertises then decides.
    dhcp6: ipv6?.method === "dhcp" || (ipv6?.method === "auto" && system === "raspberry-pi-os"),
    "accept-ra": ipv6 !== undefined && !static6,
    ...(addresses.length > 0 && { addresses }),
    ...(routes.length > 0 && { routes }),
    ...(nameservers.length > 0 && { nameservers: { addresses: nameservers } }),
  };
}

/** A value that the site's configuration was checked to have. */
function given<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`${what} is missing in a site that passed its checks`);
  return value;
}
