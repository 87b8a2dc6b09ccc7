import { nodeOf, type Site } from "../../config/site.ts";
import type { SiteKeys } from "../../keys/site-keys.ts";
import { accountOf } from "../../remote/site-endpoint.ts";
import type { System } from "../system.ts";
import { mergeCloudConfig, type CloudConfig } from "./merge.ts";

/** The user's own cloud-config for a node: the site's, and after it the node's. */
export function snippetOf(site: Site, node: string): CloudConfig {
  return mergeCloudConfig({}, site.cloudInit, nodeOf(site, node).cloudInit);
}

/** The port that sshd of a node listens on. */
export function sshPortOf(site: Site, node: string): number {
  return nodeOf(site, node).port ?? site.access.port;
}

/** Everyone who may log in to a new node: the admin with the present key, and further people. What was rotated away stays out. */
export function authorizedKeysOf(site: Site, keys: SiteKeys): string[] {
  return [...new Set([keys.admin.publicKey, ...site.authorizedKeys])];
}

/** cloud-config for first boot, in the form that cloud-init 22.4 and later understands. Secret: the host key is in it. */
export function userData(site: Site, node: string, keys: SiteKeys, system: System): CloudConfig {
  const { privateKey, publicKey } = keys.hostKey(node);
  const port = sshPortOf(site, node);
  const bootCommands = bootCommandsOf[system](site, node);
  const base = {
    hostname: node,
    preserve_hostname: false,
    // Not `true`: cloud-init would write /etc/hosts anew at each boot, and with it away the nodes that Bramble lists there.
    manage_etc_hosts: "localhost",
    // `user` is the image's default user under our name: it keeps the groups that the image gives its own (video and gpio on a
    // Raspberry Pi), and Ubuntu has no user `ubuntu` then. An entry of `users` would have no groups.
    user: {
      name: accountOf(site, node),
      gecos: "Bramble",
      shell: "/bin/bash",
      lock_passwd: true,
      sudo: "ALL=(ALL) NOPASSWD:ALL",
      ssh_authorized_keys: authorizedKeysOf(site, keys),
    },
    disable_root: true,
    ssh_pwauth: false,
    // The image's host keys go, and with ssh_keys given cloud-init generates none: the derived key is the only one.
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: privateKey, ed25519_public: publicKey },
    ...localeOf(site),
    timezone: site.timeZone,
    // Without ntp_client it takes the one that is installed: systemd-timesyncd, or chrony on Ubuntu from 25.10 on.
    ...(site.timeServers.length > 0 && { ntp: { enabled: true, pools: [], servers: site.timeServers } }),
    // Before everything else at boot.
    ...(bootCommands.length > 0 && { bootcmd: bootCommands }),
    ...(port !== 22 && {
      write_files: [{ path: "/etc/ssh/sshd_config.d/10-port.conf", permissions: "0644", content: `Port ${port}\n` }],
    }),
    // Before sshd restarts, everything goes to the disk: a power cut soon after would leave host keys of length zero, which
    // cloud-init never writes again (seen on the twin).
    runcmd: [["sync"], ...startOfSshd[system](port)],
    // A card must boot the same whatever the package servers say that day, or without a way to them.
    apt: { preserve_sources_list: true },
    package_update: false,
    package_upgrade: false,
    package_reboot_if_required: false,
  };
  return mergeCloudConfig(base, snippetOf(site, node));
}

type Command = readonly string[];

const startOfSshd: Readonly<Record<System, (port: number) => readonly Command[]>> = {
  // Raspberry Pi OS ships sshd disabled. The restart is for images whose sshd came up before cloud-init wrote its key.
  "raspberry-pi-os": () => [
    ["systemctl", "enable", "ssh.service"],
    ["systemctl", "restart", "ssh.service"],
  ],
  ubuntu: restartOnUbuntu,
  "ubuntu-ab": restartOnUbuntu,
};

/**
 * Ubuntu listens with ssh.socket and starts sshd for the first to call (discourse.ubuntu.com, 30189). The socket takes its port
 * from sshd's configuration when systemd reads its units anew.
 */
function restartOnUbuntu(port: number): readonly Command[] {
  const restart: Command = ["systemctl", "try-restart", "ssh.service"];
  return port === 22
    ? [restart]
    : [["systemctl", "daemon-reload"], ["systemctl", "try-restart", "ssh.socket"], restart];
}

const bootCommandsOf: Readonly<Record<System, (site: Site, node: string) => readonly Command[]>> = {
  "raspberry-pi-os": (site, node) => [
    // Raspberry Pi OS replaces all host keys at first boot, after cloud-init has laid down ours (raspberrypi-sys-mods,
    // regenerate_ssh_host_keys). Where there is no such unit, this does nothing.
    ["systemctl", "--no-block", "mask", "--now", "regenerate_ssh_host_keys.service"],
    ...enableLocale(site),
    // The image tells NetworkManager to keep the radio off (pi-gen, stage2/02-net-tweaks/01-run.sh); without that file it
    // turns it on.
    ...(nodeOf(site, node).wifi ? [["rm", "-f", "/var/lib/NetworkManager/NetworkManager.state"]] : []),
  ],
  ubuntu: () => [],
  "ubuntu-ab": () => [],
};

const enableInLocaleGen = 'grep -qxF "$1" /etc/locale.gen || echo "$1" >> /etc/locale.gen';

/**
 * Debian's locale-gen makes only what /etc/locale.gen names, whatever cloud-init tells it, which then fails
 * (canonical/cloud-init#4195).
 */
function enableLocale(site: Site): readonly Command[] {
  const { locale } = localeOf(site);
  if (locale === undefined || locale.startsWith("C.")) return [];
  return [["sh", "-c", enableInLocaleGen, "sh", `${locale} UTF-8`]];
}

/** Without a locale cloud-init leaves the image's own. */
function localeOf({ locale }: Site): { locale?: string } {
  return locale === undefined ? {} : { locale: `${locale.replace(/\.UTF-8$/, "")}.UTF-8` };
}
