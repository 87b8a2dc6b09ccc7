import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { $ } from "zx";
import { cardOf, nodeDirectory, startNode, waitForSsh, type TwinNode } from "../../twin/node.ts";
import { readCardLayout } from "../../twin/card-layout.ts";
import type { Twin } from "../../twin/twin.ts";

/**
 * Boots a board whose card Bramble did not write: somebody's own image, user and host key, as a person sets one up.
 * @returns its public host key
 */
export async function bootUnmanagedBoard(
  twin: Twin,
  node: TwinNode,
  own: { readonly image: string; readonly user: string; readonly authorizedKey: string; readonly gateway: string },
): Promise<string> {
  const card = cardOf(twin, node.name);
  const shell = $({ quiet: true });
  const key = join(twin.directory, `${node.name}-host-key`);
  await shell`cp --sparse=always ${own.image} ${card}`;
  await shell`ssh-keygen -q -t ed25519 -N ${""} -C ${node.name} -f ${key}`;
  const [privateKey, publicKey] = [(await shell`cat ${key}`).stdout, (await shell`cat ${key}.pub`).stdout.trim()];
  const seed = {
    "meta-data": { "instance-id": `own-${node.name}`, "local-hostname": node.name },
    "network-config": {
      version: 2,
      ethernets: {
        eth0: { addresses: [`${node.address}/24`], routes: [{ to: "0.0.0.0/0", via: own.gateway }] },
      },
    },
    "user-data": {
      hostname: node.name,
      user: {
        name: own.user,
        sudo: "ALL=(ALL) NOPASSWD:ALL",
        shell: "/bin/bash",
        ssh_authorized_keys: [own.authorizedKey],
      },
      ssh_keys: { ed25519_private: privateKey, ed25519_public: publicKey },
      runcmd: [["sync"], ["systemctl", "enable", "--now", "ssh.service"]],
    },
  };
  const { boot } = await readCardLayout(card);
  for (const [name, content] of Object.entries(seed)) {
    const file = join(twin.directory, "seed-file");
    // JSON is YAML.
    await writeFile(file, `${name === "user-data" ? "#cloud-config\n" : ""}${JSON.stringify(content)}\n`);
    await shell`mcopy -o -i ${card}@@${boot.offset} ${file} ::${name}`;
    await rm(file);
  }
  await rm(key);
  await rm(nodeDirectory(twin, node.name), { recursive: true, force: true });
  await startNode(twin, node.name);
  await waitForSsh(twin, node);
  return publicKey;
}
