import { createHash } from "node:crypto";
import { Document, Scalar, visit } from "yaml";
import { nodeOf, type Site } from "../config/site.ts";
import type { SiteKeys } from "../keys/site-keys.ts";
import { instanceIdOf } from "./instance-id.ts";

/** What makes a card this node's: cloud-init's NoCloud files for the boot partition. Secret, since the host key is in it. */
export interface Seed {
  /** Path on the boot partition -> text. */
  readonly files: Readonly<Record<string, string>>;
  /** SHA-256 over all files. */
  readonly digest: string;
}

/**
 * Renders a node's seed. It holds only identity, network, keys and user: everything else is done over SSH, where it can be
 * changed without writing a card again.
 */
export function renderSeed(site: Site, node: string, keys: SiteKeys): Seed {
  const instanceId = instanceIdOf({ site: site.name, node, generation: nodeOf(site, node).generation });
  const files = {
    "meta-data": yaml({ "instance-id": instanceId, "local-hostname": node }),
    "network-config": yaml(networkConfig(site, node)),
    "user-data": `#cloud-config\n${yaml(userData(site, node, keys))}`,
  };
  const digest = createHash("sha256").update(JSON.stringify(files)).digest("hex");
  return { files, digest };
}

function userData(site: Site, node: string, keys: SiteKeys) {
  const { privateKey, publicKey } = keys.hostKey(node);
  return {
    hostname: node,
    preserve_hostname: false,
    // Not `true`: cloud-init would write /etc/hosts anew at each boot, and with it away the nodes that Bramble lists there.
    manage_etc_hosts: "localhost",
    // `user` is the image's default user under our name: it keeps the groups that the image gives its own (video and gpio on a
    // Raspberry Pi). An entry of `users` would have none.
    user: {
      name: site.user,
      gecos: "Bramble",
      shell: "/bin/bash",
      lock_passwd: true,
      sudo: "ALL=(ALL) NOPASSWD:ALL",
      ssh_authorized_keys: [keys.admin.publicKey],
    },
    disable_root: true,
    ssh_pwauth: false,
    // The image's host keys go, and with ssh_keys given cloud-init generates none: the derived key is the only one.
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: privateKey, ed25519_public: publicKey },
    // Raspberry Pi OS replaces all host keys at first boot, after cloud-init has laid down ours (raspberrypi-sys-mods,
    // regenerate_ssh_host_keys). Where there is no such unit, this does nothing.
    bootcmd: [["systemctl", "--no-block", "mask", "--now", "regenerate_ssh_host_keys.service"]],
    // Raspberry Pi OS ships sshd disabled. The restart is for images whose sshd came up before cloud-init wrote its key.
    // Before it, everything goes to the disk: a power cut soon after would leave host keys of length zero, which
    // cloud-init never writes again (seen on the twin).
    runcmd: [["sync"], ["systemctl", "enable", "ssh.service"], ["systemctl", "restart", "ssh.service"]],
    // A card must boot the same whatever the package servers say that day, or without a way to them.
    apt: { preserve_sources_list: true },
    package_update: false,
    package_upgrade: false,
    package_reboot_if_required: false,
  };
}

/** Netplan's version 2, in the subset that every renderer of cloud-init 22.4 and later understands. */
function networkConfig(site: Site, node: string) {
  const { prefix, gateway, nameservers } = site.network;
  return {
    version: 2,
    ethernets: {
      [site.network.interface]: {
        dhcp4: false,
        dhcp6: false,
        addresses: [`${nodeOf(site, node).address}/${prefix}`],
        // Not `to: default`: cloud-init 22.4 takes that word for an address in all its renderers but netplan's, and fails.
        routes: [{ to: "0.0.0.0/0", via: gateway }],
        ...(nameservers.length > 0 && { nameservers: { addresses: nameservers } }),
      },
    },
  };
}

// Words that no version of YAML takes for something else (`e42` is a number to some parsers of 1.1), and PEM files, which are written as blocks.
const needsNoQuotes =
  /^(?!(?:y|n|yes|no|on|off|true|false|null|e[+-]?\d+)$)[a-z][\w ./@+-]*$|^(?:[\w+/=-][\w+/= -]*\n)+$/i;

/**
 * YAML for cloud-init's parser, PyYAML. It reads YAML 1.1, where `no` and `1:30` are no strings unless quoted, and fails on some
 * that need no quotes by the standard (`=`, `<<`). So all but plain words are quoted, and within quotes all but ASCII is escaped:
 * PyYAML folds or refuses some of it.
 */
function yaml(value: unknown): string {
  const document = new Document(value);
  visit(document, {
    Scalar: (_, scalar) => {
      if (typeof scalar.value === "string" && !needsNoQuotes.test(scalar.value)) scalar.type = Scalar.QUOTE_DOUBLE;
    },
  });
  const escape = (character: string) => `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, "0")}`;
  return document.toString({ lineWidth: 0 }).replace(/[^\n\x20-\x7e]/gu, escape);
}
