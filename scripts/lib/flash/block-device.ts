import { z } from "zod";

/** A disk, a partition, or what lies on one (LVM, LUKS, RAID), as lsblk(8) reports it. */
export interface BlockDevice {
  /** The kernel's path, such as /dev/sdb: it changes from boot to boot. */
  readonly path: string;
  /** What lsblk calls its type: disk, part, loop, rom, crypt, lvm, raid1 and so on. */
  readonly kind: string;
  /** Bytes; 0 for a reader without a card. */
  readonly bytes: number;
  readonly readOnly: boolean;
  /** Whether it stays when its user goes: neither removable nor hot-plugged. */
  readonly builtIn: boolean;
  /** usb, nvme, sata, mmc; undefined where it is not known. */
  readonly transport: string | undefined;
  readonly model: string | undefined;
  readonly serial: string | undefined;
  /** The kernel's number of this disk and medium, which rises when a card is changed; undefined before Linux 5.15. */
  readonly sequence: number | undefined;
  readonly fileSystem: string | undefined;
  readonly label: string | undefined;
  /** Where it is mounted; `[SWAP]` for swap space in use. */
  readonly mountPoints: readonly string[];
  readonly children: readonly BlockDevice[];
}

// Older versions of lsblk write flags and numbers as text, and have `mountpoint` in place of `mountpoints` (before 2.37).
const flag = z.union([z.boolean(), z.enum(["0", "1"]).transform((digit) => digit === "1")]);
const count = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]);
const text = z
  .string()
  .nullish()
  // A USB device names itself, and its name goes to a terminal.
  .transform((value) => {
    const printable = value?.replaceAll(/\p{C}/gu, "").trim();
    return printable === "" ? undefined : printable;
  });

const lsblkDevice = z.object({
  kname: z.string().min(1),
  type: z.string(),
  size: count.nullish(),
  ro: flag,
  rm: flag.nullish(),
  hotplug: flag.nullish(),
  tran: text,
  model: text,
  serial: text,
  "disk-seq": count.nullish(),
  fstype: text,
  label: text,
  mountpoint: z.string().nullish(),
  mountpoints: z.array(z.string().nullable()).nullish(),
  get children() {
    return z.array(lsblkDevice).nullish();
  },
});
type LsblkDevice = z.output<typeof lsblkDevice>;

const lsblkOutput = z.object({ blockdevices: z.array(lsblkDevice) });

/**
 * Reads what `lsblk --json --bytes --output-all` prints: the disks, and what lies on each.
 * @throws z.ZodError or SyntaxError where it is something else
 */
export function parseBlockDevices(output: string): BlockDevice[] {
  return lsblkOutput.parse(JSON.parse(output)).blockdevices.map(toBlockDevice);
}

function toBlockDevice(device: LsblkDevice): BlockDevice {
  const mountPoints = device.mountpoints ?? [device.mountpoint ?? null];
  return {
    path: `/dev/${device.kname}`,
    kind: device.type,
    bytes: device.size ?? 0,
    readOnly: device.ro,
    // A card in a laptop's own slot is neither for some kernels.
    builtIn: device.rm === false && device.hotplug === false && !device.kname.startsWith("mmcblk"),
    // lsblk says so itself only in later versions.
    transport: device.tran ?? (device.kname.startsWith("mmcblk") ? "mmc" : undefined),
    model: device.model,
    serial: device.serial,
    sequence: device["disk-seq"] ?? undefined,
    fileSystem: device.fstype,
    label: device.label,
    mountPoints: mountPoints.flatMap((point) => (point === null || point === "" ? [] : [point])),
    children: (device.children ?? []).map(toBlockDevice),
  };
}

/** A device and all that lies on it, at any depth. */
export function withDescendants(device: BlockDevice): BlockDevice[] {
  return [device, ...device.children.flatMap(withDescendants)];
}
