import type { Stamp } from "../../../stacks/cards/stamp.ts";
import { quote } from "../../../stacks/remote/connection.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { withDescendants, type BlockDevice } from "./block-device.ts";
import type { Disk } from "./disk.ts";
import { gigabytes } from "./words.ts";

/** The card that is to be written. */
export interface Wanted {
  readonly site: string;
  readonly node: string;
  /** Of the disk image; undefined while it is not fetched yet. */
  readonly bytes: number | undefined;
}

export interface RefusalOptions {
  /** What the user called the device. */
  readonly to: string;
  /** Write over another node's card. */
  readonly replace: boolean;
  /** Write to a disk that is larger than cards are. */
  readonly sizeOk: boolean;
  /** Whether it is known which disk this machine runs from. */
  readonly systemKnown: boolean;
}

/** Disks beyond this size, in bytes, are seldom cards: 256 GB cards count as such, common NVMe and USB disks do not. */
export const largestCard = 256 * 2 ** 30;

/** File systems that tell: this device is a part of something larger, which may be in use without being mounted. */
const memberTypes = new Set([
  "LVM2_member",
  "linux_raid_member",
  "zfs_member",
  "bcache",
  "ceph_bluestore",
  "drbd",
  "isw_raid_member",
  "ddf_raid_member",
]);

/** Every reason for not writing a card to this disk; none where it may be written. */
export function refusals(disk: Disk, wanted: Wanted, options: RefusalOptions): UserError[] {
  return [...lastingRefusals(disk, options), ...useRefusals(disk, options), ...mediumRefusals(disk, wanted, options)];
}

/** Reasons that stay whatever card is inserted: what the device is, and that this machine runs from it. */
export function lastingRefusals(disk: Disk, options: Pick<RefusalOptions, "to">): UserError[] {
  const { device, parent, names } = disk;
  const refuse = (what: string, next: string) => new UserError({ what, where: options.to, next });
  const errors: UserError[] = [];
  if (!names.includes(options.to)) {
    const what = `${device.path} is a name that can mean another disk after the next boot`;
    const [name] = names;
    errors.push(
      name === undefined
        ? refuse(
            "has no stable name under /dev/disk/by-id or /dev/disk/by-path",
            "use a disk or reader that has one: see `ls -l /dev/disk/by-id`",
          )
        : refuse(what, `name it by what it is: --to ${name}`),
    );
  }
  if (parent !== undefined)
    errors.push(
      refuse(
        device.kind === "part" ? `is a partition of ${parent.path}` : `lies on ${parent.path} (${device.kind})`,
        "a card is a whole disk: name that, without -part at its end",
      ),
    );
  else if (device.kind !== "disk" && device.kind !== "loop")
    errors.push(refuse(`is no disk but ${device.kind}`, "name an SD card's reader, a USB disk or an NVMe disk"));
  const system = mountPointsOf(device).filter(isSystem);
  if (system.length > 0)
    errors.push(refuse(`this machine runs from it: it holds ${system.join(", ")}`, "name another disk"));
  return errors;
}

/** Reasons that lie in how this machine uses the disk just now. */
export function useRefusals(
  { device }: Disk,
  { to, systemKnown }: Pick<RefusalOptions, "to" | "systemKnown">,
): UserError[] {
  const refuse = (what: string, next: string) => new UserError({ what, where: to, next });
  const parts = withDescendants(device);
  const points = mountPointsOf(device);
  // That this machine runs from it is the reason then.
  if (points.some(isSystem)) return [];
  if (points.length > 0)
    return [
      refuse(
        `is in use: mounted at ${points.join(", ")}${systemKnown ? "" : "; and which disk this machine runs from can't be told here"}`,
        `if it is the card, unmount it: umount ${points.map(quote).join(" ")}`,
      ),
    ];
  const holders = parts.slice(1).filter(({ kind }) => kind !== "part");
  if (holders.length > 0)
    return [
      refuse(
        `is in use: ${holders.map(({ path, kind }) => `${path} (${kind})`).join(", ")} ${holders.length === 1 ? "lies" : "lie"} on it`,
        "name another disk, or first stop what lies on it",
      ),
    ];
  const members = parts.flatMap(({ fileSystem }) => (memberTypes.has(fileSystem ?? "") ? [fileSystem] : []));
  if (members.length > 0)
    return [
      refuse(
        `is a part of something larger that may be in use (${[...new Set(members)].join(", ")})`,
        `name another disk; if nothing on this one is needed, wipefs --all ${quote(device.path)} says so`,
      ),
    ];
  return [];
}

/** Reasons that lie in the card, which another card may not give. */
export function mediumRefusals(disk: Disk, wanted: Wanted, options: RefusalOptions): UserError[] {
  const { device, permitted, stamp, trouble } = disk;
  const refuse = (what: string, next: string) => new UserError({ what, where: options.to, next });
  if (device.bytes === 0) return [refuse("has no medium", `insert the card of ${wanted.node}`)];
  const errors: UserError[] = [];
  if (device.readOnly)
    errors.push(refuse("is read-only", "move the switch at the card's or its adapter's side, or take another card"));
  else if (!permitted)
    errors.push(
      refuse(
        "you may not read and write it",
        `give yourself the right until it is unplugged: sudo chown "$USER" ${quote(options.to)}`,
      ),
    );
  if (trouble !== undefined) errors.push(refuse(reasonOf(trouble), trouble.next));
  if (wanted.bytes !== undefined && device.bytes < wanted.bytes)
    errors.push(
      refuse(
        `is too small: it has ${gigabytes(device.bytes)}, the image takes ${gigabytes(wanted.bytes)}`,
        "take a larger card",
      ),
    );
  if (device.bytes > largestCard && !options.sizeOk)
    errors.push(
      refuse(
        `has ${gigabytes(device.bytes)}, more than cards have (the limit is ${largestCard / 2 ** 30} GiB)`,
        "if it is meant, for example an NVMe disk, add --size-ok",
      ),
    );
  if (stamp !== undefined && !isOf(stamp, wanted) && !options.replace)
    errors.push(
      refuse(
        `is the card of ${stamp.node} in site ${stamp.site} (generation ${stamp.generation})`,
        `insert the card of ${wanted.node}, or add --replace to write over this one`,
      ),
    );
  return errors;
}

export function isOf(stamp: Stamp, { site, node }: Pick<Wanted, "site" | "node">): boolean {
  return stamp.site === site && stamp.node === node;
}

/** What is wrong, without where and what next. */
export function reasonOf(error: UserError): string {
  const [what = ""] = error.message.split("\n  Next: ");
  return what.startsWith(`${error.where}: `) ? what.slice(error.where.length + 2) : what;
}

/** @throws UserError one for all of them, if there are any */
export function throwRefusals(errors: readonly UserError[]): void {
  const [first] = errors;
  if (first === undefined) return;
  if (errors.length === 1) throw first;
  throw new UserError({
    what: `is not written to, for ${errors.length} reasons:\n${errors.map((error) => `  - ${reasonOf(error)}`).join("\n")}`,
    where: first.where,
    next: [...new Set(errors.map(({ next }) => next))].join("; "),
  });
}

function mountPointsOf(device: BlockDevice): string[] {
  return [...new Set(withDescendants(device).flatMap(({ mountPoints }) => mountPoints))];
}

function isSystem(point: string): boolean {
  return ["/", "/usr", "/home", "/var", "[SWAP]"].includes(point) || /^\/boot(\/|$)/.test(point);
}
