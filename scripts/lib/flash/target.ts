import { realpath, stat } from "node:fs/promises";
import { isAbsolute, normalize, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Stamp } from "../../../stacks/cards/stamp.ts";
import { root } from "../../../stacks/root.ts";
import { UserError } from "../../../stacks/user-error.ts";
import type { Disk, Disks } from "./disk.ts";
import type { Surroundings } from "./surroundings.ts";

/** What `--to` names: a block device, with the kernel's path of it, or a file, which may not be there yet. */
export type Target =
  | { readonly kind: "device"; readonly to: string; readonly path: string }
  | { readonly kind: "absent device"; readonly to: string }
  | { readonly kind: "file"; readonly to: string; readonly exists: boolean };

/**
 * @param given as the user wrote it; relative to the project's root, where every command runs
 * @throws UserError for what is neither, such as a folder
 */
export async function findTarget(given: string, { disks }: Disks): Promise<Target> {
  const to = isAbsolute(given) ? normalize(given) : resolve(root, given);
  const named = disks.find(({ names }) => names.includes(to));
  if (named !== undefined) return { kind: "device", to, path: named.device.path };
  try {
    const found = await stat(to);
    if (found.isBlockDevice()) return { kind: "device", to, path: await realpath(to) };
    if (found.isFile()) return { kind: "file", to, exists: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    // A file of that name would only use up memory, and later hide the device.
    return to.startsWith("/dev/") && !to.startsWith("/dev/shm/")
      ? { kind: "absent device", to }
      : { kind: "file", to, exists: false };
  }
  throw new UserError({
    what: "is neither a disk nor a file",
    where: to,
    next: "name a disk under /dev/disk/by-id, or a file",
  });
}

/** The disk of this path, without what is on it. */
export function findDisk({ disks }: Disks, path: string): Disk | undefined {
  return disks.find(({ device }) => device.path === path);
}

export function absentDevice(to: string): UserError {
  return new UserError({
    what: "there is no such device",
    where: to,
    next: "insert the card, or leave --to out to see what there is",
  });
}

/** The same disk with the stamp that is on it, where it can be read. */
export async function readCard(disk: Disk, { readStamp }: Pick<Surroundings, "readStamp">): Promise<Disk> {
  if (!disk.permitted || disk.device.bytes === 0) return disk;
  try {
    return { ...disk, stamp: await readStamp(disk.device.path) };
  } catch (error) {
    if (error instanceof UserError) return { ...disk, trouble: error };
    throw error;
  }
}

/** Whether nothing would change by writing the wanted card over the one that is there. */
export function isSameCard(found: Stamp | undefined, wanted: Stamp): boolean {
  const { site, node, generation, digest } = wanted;
  return isDeepStrictEqual(
    { site, node, generation, digest },
    found && { site: found.site, node: found.node, generation: found.generation, digest: found.digest },
  );
}
