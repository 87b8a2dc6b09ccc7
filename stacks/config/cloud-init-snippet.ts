import { z } from "zod";

type Kind = "list" | "map" | "any";

/**
 * The top-level keys of cloud-config that make sense on these systems, by what they must hold (cloud-init's documentation,
 * reference/modules, and its schema-cloud-config-v1.json, 22.4 to 25.2; other distributions' keys are left out). cloud-init
 * itself only warns of an unknown one, on the node, where nobody looks.
 */
const knownKeys: Readonly<Record<string, Kind>> = {
  ansible: "map",
  apt: "map",
  apt_pipelining: "any",
  bootcmd: "list",
  byobu_by_default: "any",
  ca_certs: "map",
  chef: "map",
  device_aliases: "map",
  disk_setup: "map",
  drivers: "map",
  fan: "map",
  final_message: "any",
  fs_setup: "list",
  groups: "any",
  growpart: "map",
  keyboard: "map",
  landscape: "map",
  lxd: "map",
  mcollective: "map",
  mount_default_fields: "list",
  mounts: "list",
  output: "map",
  package_reboot_if_required: "any",
  package_update: "any",
  package_upgrade: "any",
  packages: "list",
  phone_home: "map",
  puppet: "map",
  random_seed: "map",
  reporting: "map",
  resize_rootfs: "any",
  rpi: "map",
  rsyslog: "map",
  runcmd: "list",
  salt_minion: "map",
  snap: "map",
  ubuntu_advantage: "map",
  ubuntu_pro: "map",
  wireguard: "map",
  write_files: "list",
};

/** Keys that are Bramble's own on a card, and what to use instead. */
const ownedKeys: Readonly<Record<string, string>> = {
  allow_public_ssh_keys: "authorizedKeys",
  authkey_hash: "authorizedKeys",
  chpasswd: "authorizedKeys: there are no passwords",
  create_hostname_file: "the node's name",
  disable_root: "nothing: root never logs in",
  disable_root_opts: "nothing: root never logs in",
  enable_ssh: "nothing: SSH is always on",
  fqdn: "the node's name",
  hostname: "the node's name",
  locale: "locale",
  locale_configfile: "locale",
  manage_etc_hosts: "the nodes' names: Bramble lists them in /etc/hosts",
  manage_resolv_conf: "network.nameservers",
  network: "network",
  no_ssh_fingerprints: "nothing",
  ntp: "timeServers",
  password: "authorizedKeys: there are no passwords",
  power_state: "nothing: Bramble reboots a node when it has to",
  prefer_fqdn_over_hostname: "the node's name",
  preserve_hostname: "the node's name",
  resolv_conf: "network.nameservers",
  ssh: "access",
  swap: "preparation.swap",
  timezone: "timeZone",
  user: "user",
  users: "user, or runcmd with useradd",
};

/** A user's own cloud-config for first boot. Frozen, like all of a seed, with the generation of the card. */
export const cloudInitSnippet = z.record(z.string(), z.json()).superRefine((snippet, context) => {
  for (const [key, value] of Object.entries(snippet)) {
    const message = objectionTo(key, value);
    if (message !== undefined) context.addIssue({ code: "custom", path: [key], message, input: value });
  }
});
export type CloudInitSnippet = z.infer<typeof cloudInitSnippet>;

function objectionTo(key: string, value: unknown): string | undefined {
  const owned = Object.hasOwn(ownedKeys, key) ? ownedKeys[key] : key.startsWith("ssh_") ? "authorizedKeys" : undefined;
  if (owned !== undefined) return `is Bramble's own on a card; use ${owned}`;
  const kind = Object.hasOwn(knownKeys, key) ? knownKeys[key] : undefined;
  if (kind === undefined) return "is no key of cloud-config that Bramble knows";
  if (kind === "list" && !Array.isArray(value)) return "must be a list";
  if (kind === "map" && (typeof value !== "object" || value === null || Array.isArray(value))) return "must be a map";
  return isWritable(value)
    ? undefined
    : "holds a number in a form that YAML's versions read differently, or half a character";
}

/** YAML 1.1 takes `1e21` for a string, and a lone surrogate is no character in UTF-8. */
function isWritable(value: unknown): boolean {
  if (typeof value === "number") return /^-?\d+(\.\d+)?$/.test(String(value));
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, part]) => isWritable(key) && isWritable(part));
}
