import { access, constants, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { $ } from "zx";
import { UserError } from "../../../stacks/user-error.ts";
import { parseBlockDevices } from "./block-device.ts";
import { joinNames, knowsSystem, type Disks } from "./disk.ts";

/** Where udev keeps names that stay the same from boot to boot. */
export const nameFolders: readonly string[] = ["/dev/disk/by-id", "/dev/disk/by-path"];

/**
 * Reads which devices this machine has. Needs no root; what is on them is not read.
 * @throws UserError when lsblk is missing, or prints something else than it should
 */
export async function readDisks(folders: readonly string[] = nameFolders): Promise<Disks> {
  const [devices, names] = await Promise.all([listDevices(), readNames(folders)]);
  const joined = joinNames(devices, names);
  const permissions = await Promise.all(joined.map(({ device }) => mayWrite(device.path)));
  return {
    disks: joined.map((disk, index) => ({
      ...disk,
      permitted: permissions[index] ?? false,
      stamp: undefined,
      trouble: undefined,
    })),
    systemKnown: knowsSystem(devices),
  };
}

async function listDevices() {
  // --all: a reader without a card is told apart from one that is not there. All columns: old versions lack some.
  const flags = ["--json", "--bytes", "--all", "--output-all"];
  const { exitCode, stdout, stderr } = await $({
    nothrow: true,
    quiet: true,
    env: { ...process.env, LC_ALL: "C" },
  })`lsblk ${flags}`;
  const problem = (what: string, cause?: unknown) =>
    new UserError(
      { what, where: "lsblk", next: "install lsblk 2.33 or later, on Debian in the package util-linux" },
      { cause },
    );
  if (exitCode !== 0) throw problem(`failed: ${stderr.trim()}`);
  try {
    return parseBlockDevices(stdout);
  } catch (error) {
    throw problem(`printed something else than a list of devices: ${String(error)}`, error);
  }
}

/** Stable names by the kernel's path; a name whose device went meanwhile is left out. */
async function readNames(folders: readonly string[]): Promise<Map<string, string[]>> {
  const names = new Map<string, string[]>();
  for (const folder of folders)
    for (const name of await readdir(folder).catch(() => [])) {
      const link = join(folder, name);
      const path = await realpath(link).catch(() => undefined);
      if (path !== undefined) names.set(path, [...(names.get(path) ?? []), link]);
    }
  return names;
}

async function mayWrite(path: string): Promise<boolean> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
