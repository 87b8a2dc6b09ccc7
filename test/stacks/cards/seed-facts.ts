import type { Seed, WantedCard } from "../../../stacks/cards/seed.ts";
import { nodeOf } from "../../../stacks/config/site.ts";

type Reader = (name: keyof Seed) => unknown;
type Data = Record<string, unknown>;

/** What a seed says once its files are read, whoever reads them. */
export function factsOf(node: string, read: Reader): Data {
  const data = read("user-data") as Data;
  const network = read("network-config") as Record<string, Record<string, Data>>;
  const user = data.user as Data;
  const [kind = ""] = Object.keys(network).filter((key) => key !== "version");
  const [name = ""] = Object.keys(network[kind] ?? {});
  const device = network[kind]?.[name] ?? {};
  const points = (device["access-points"] ?? {}) as Record<string, Data>;
  const [ssid] = Object.keys(points);
  const files = (data.write_files ?? []) as Data[];
  const commands = [...((data.bootcmd ?? []) as unknown[]), ...((data.runcmd ?? []) as unknown[])];
  return {
    metaData: read("meta-data"),
    hostname: data.hostname,
    user: [user.name, user.lock_passwd, user.ssh_authorized_keys],
    locked: [data.ssh_pwauth, data.disable_root],
    hostKey: data.ssh_keys,
    port: files.find(({ path }) => path === "/etc/ssh/sshd_config.d/10-port.conf")?.content,
    locale: data.locale,
    timeZone: data.timezone,
    timeServers: (data.ntp as Data | undefined)?.servers,
    // Each argument of a command stands alone: nothing in it can become another.
    arguments: commands.filter((command) => Array.isArray(command)).every((command) => command.every(isText)),
    own: [data.final_message, files.filter(({ path }) => path === "/etc/motd"), (data.apt as Data).sources],
    network: {
      device: [kind, name],
      dhcp4: device.dhcp4,
      addresses: device.addresses,
      routes: device.routes,
      nameservers: (device.nameservers as Data | undefined)?.addresses,
      wifi: ssid === undefined ? undefined : [ssid, device["regulatory-domain"], points[ssid]?.hidden === true],
    },
    node,
  };
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

/** What it must say. */
export function expectedFacts({ site, node, keys }: WantedCard): Data {
  const { generation, address, address6, wifi, cloudInit } = nodeOf(site, node);
  const { method, prefix = 0, gateway = "", nameservers, ipv6 } = site.network;
  const { privateKey, publicKey } = keys.hostKey(node);
  const static6 = ipv6?.method === "static";
  const addresses = [
    ...(method === "static" ? [`${address}/${prefix}`] : []),
    ...(static6 ? [`${address6 ?? ""}/${ipv6.prefix ?? 0}`] : []),
  ];
  const routes = [
    ...(method === "static" ? [{ to: "0.0.0.0/0", via: gateway }] : []),
    ...(static6 ? [{ to: "::/0", via: ipv6.gateway }] : []),
  ];
  const own = [site.cloudInit, cloudInit] as (Data | undefined)[];
  const sources = own
    .map((snippet) => (snippet?.apt as Data | undefined)?.sources)
    .filter((each) => each !== undefined);
  const files = own.flatMap((snippet) => (snippet?.write_files ?? []) as Data[]);
  return {
    metaData: { "instance-id": `${site.name}-${node}-${generation}`, "local-hostname": node },
    hostname: node,
    user: [site.user, true, [keys.admin.publicKey, ...site.authorizedKeys]],
    locked: [false, true],
    hostKey: { ed25519_private: privateKey, ed25519_public: publicKey },
    port: site.access.port === 22 ? undefined : `Port ${site.access.port}\n`,
    locale: site.locale?.replace(/(\.UTF-8)?$/, ".UTF-8"),
    timeZone: site.timeZone,
    timeServers: site.timeServers.length === 0 ? undefined : site.timeServers,
    arguments: true,
    own: [cloudInit?.final_message ?? site.cloudInit?.final_message, files, sources[0]],
    network: {
      device: wifi ? ["wifis", "wlan0"] : ["ethernets", site.network.interface],
      dhcp4: method === "dhcp",
      addresses: addresses.length === 0 ? undefined : addresses,
      routes: routes.length === 0 ? undefined : routes,
      nameservers: nameservers.length === 0 ? undefined : nameservers,
      wifi: wifi ? [site.network.wifi?.ssid, site.network.wifi?.country, site.network.wifi?.hidden] : undefined,
    },
    node,
  };
}
