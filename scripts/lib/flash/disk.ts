import type { Stamp } from "../../../stacks/cards/stamp.ts";
import type { UserError } from "../../../stacks/user-error.ts";
import { withDescendants, type BlockDevice } from "./block-device.ts";

/** A device that could hold a card, and what has to be known of it before it is written to. */
export interface Disk {
  readonly device: BlockDevice;
  /** The disk that it is a part of; undefined for a whole disk. */
  readonly parent: BlockDevice | undefined;
  /** Its names that stay the same from boot to boot, under /dev/disk/by-id and by-path; the best one first. */
  readonly names: readonly string[];
  /** Whether this process may read and write it. */
  readonly permitted: boolean;
  /** The card that is in it; undefined where it has no stamp, or must not be read. */
  readonly stamp: Stamp | undefined;
  /** Why what is on it could not be read. */
  readonly trouble: UserError | undefined;
}

/** All devices of this machine. */
export interface Disks {
  readonly disks: readonly Disk[];
  /** Whether the disk that holds `/` is among them; not so in a container, or where `/` is an overlay or on ZFS. */
  readonly systemKnown: boolean;
}

/** A device with its names: what can be told without touching it. */
export type NamedDevice = Pick<Disk, "device" | "parent" | "names">;

/** Joins devices with their stable names, partitions included; devices that no card can be in (memory, loop devices without a file) are left out. */
export function joinNames(
  devices: readonly BlockDevice[],
  names: ReadonlyMap<string, readonly string[]>,
): NamedDevice[] {
  const join = (device: BlockDevice, parent: BlockDevice | undefined): NamedDevice[] => [
    { device, parent, names: [...(names.get(device.path) ?? [])].sort(byPreference) },
    ...device.children.flatMap((child) => join(child, device)),
  ];
  return devices
    .filter(({ kind, bytes, path }) => !/^\/dev\/(ram|zram)\d/.test(path) && (kind !== "loop" || bytes > 0))
    .flatMap((device) => join(device, undefined));
}

export function knowsSystem(devices: readonly BlockDevice[]): boolean {
  return devices.flatMap(withDescendants).some(({ mountPoints }) => mountPoints.includes("/"));
}

/** Tells one medium in a reader from the next, as far as the kernel does. */
export function mediumOf({ device }: Disk): string {
  return [device.path, device.serial ?? "", device.bytes, device.sequence ?? ""].join(" ");
}

/** Names that say what the device is come first, then those by place, then numbers that say nothing to a person. */
function byPreference(one: string, other: string): number {
  const rank = (name: string) =>
    /\/(wwn-|nvme-eui\.|nvme-nvme\.)/.test(name) ? 2 : name.includes("/by-path/") ? 1 : 0;
  return rank(one) - rank(other) || one.length - other.length || (one < other ? -1 : 1);
}
