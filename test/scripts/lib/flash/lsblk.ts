/** What lsblk --json prints for machines that people flash cards on, cut down to the columns that are read. */

export interface Listed {
  readonly name: string;
  readonly kname?: string;
  readonly type: string;
  readonly size: number | string | null;
  readonly ro?: boolean | "0" | "1";
  readonly rm?: boolean;
  readonly hotplug?: boolean;
  readonly tran?: string | null;
  readonly model?: string | null;
  readonly serial?: string | null;
  readonly fstype?: string | null;
  readonly label?: string | null;
  readonly mountpoints?: readonly (string | null)[];
  readonly mountpoint?: string | null;
  readonly "disk-seq"?: number;
  readonly children?: readonly Listed[];
}

export function lsblkOutput(devices: readonly Listed[]): string {
  const complete = (device: Listed): unknown => ({
    kname: device.name,
    ro: false,
    tran: null,
    model: null,
    serial: null,
    fstype: null,
    label: null,
    ...(device.mountpoint === undefined ? { mountpoints: [null] } : {}),
    ...device,
    ...(device.children === undefined ? {} : { children: device.children.map(complete) }),
  });
  return JSON.stringify({ blockdevices: devices.map(complete) });
}

const gib = 2 ** 30;

/** A laptop's NVMe disk: LUKS, and in it LVM with root, home and swap. */
export const systemDisk: Listed = {
  name: "nvme0n1",
  type: "disk",
  size: 512_110_190_592,
  rm: false,
  hotplug: false,
  tran: "nvme",
  model: "SAMSUNG MZVL2512HCJQ-00B00",
  serial: "S675NX0T123456",
  children: [
    { name: "nvme0n1p1", type: "part", size: gib, tran: "nvme", fstype: "vfat", mountpoints: ["/boot/efi"] },
    {
      name: "nvme0n1p2",
      type: "part",
      size: 500 * gib,
      tran: "nvme",
      fstype: "crypto_LUKS",
      children: [
        {
          name: "luks-5f1c",
          kname: "dm-0",
          type: "crypt",
          size: 500 * gib,
          fstype: "LVM2_member",
          children: [
            { name: "vg-root", kname: "dm-1", type: "lvm", size: 100 * gib, fstype: "ext4", mountpoints: ["/"] },
            { name: "vg-swap", kname: "dm-2", type: "lvm", size: 16 * gib, fstype: "swap", mountpoints: ["[SWAP]"] },
            { name: "vg-home", kname: "dm-3", type: "lvm", size: 384 * gib, fstype: "ext4", mountpoints: ["/home"] },
          ],
        },
      ],
    },
  ],
};

/** An SD card with Raspberry Pi OS in a USB reader. */
export const cardInReader: Listed = {
  name: "sdb",
  type: "disk",
  size: 31_914_983_424,
  rm: true,
  hotplug: true,
  tran: "usb",
  model: "Mass-Storage    ",
  serial: "125C20100726",
  "disk-seq": 21,
  children: [
    { name: "sdb1", type: "part", size: 512 * 2 ** 20, fstype: "vfat", label: "bootfs" },
    { name: "sdb2", type: "part", size: 5 * gib, fstype: "ext4", label: "rootfs" },
  ],
};

/** The same reader, empty. */
export const emptyReader: Listed = {
  name: "sdb",
  type: "disk",
  size: 0,
  rm: true,
  hotplug: true,
  tran: "usb",
  model: "Mass-Storage    ",
  serial: "125C20100726",
  "disk-seq": 22,
};

/** A card in a laptop's own slot, which Debian 12's lsblk gives no transport for. */
export const builtInSlot: Listed = {
  name: "mmcblk0",
  type: "disk",
  size: 63_864_569_856,
  serial: "0x1b2c3d4e",
  children: [
    {
      name: "mmcblk0p1",
      type: "part",
      size: 63_860_375_552,
      fstype: "exfat",
      label: "PHOTOS",
      mountpoints: ["/media/ada/PHOTOS and more"],
    },
  ],
};

/** A board's eMMC has two small disks beside it, which are read-only. */
export const bootDisk: Listed = { name: "mmcblk1boot0", type: "disk", size: 4_194_304, ro: true };

/** Two disks of a RAID that is up. */
export const raidDisks: readonly Listed[] = ["sdc", "sdd"].map((name) => ({
  name,
  type: "disk",
  size: 4_000_787_030_016,
  tran: "sata",
  model: "WDC WD40EFRX-68N32N0",
  children: [
    {
      name: `${name}1`,
      type: "part",
      size: 4_000_785_104_896,
      fstype: "linux_raid_member",
      children: [{ name: "md0", type: "raid1", size: 4_000_649_838_592, fstype: "ext4", mountpoints: ["/srv"] }],
    },
  ],
}));

/** A disk of a ZFS pool: in use, and lsblk shows no sign of it but the file system's name. */
export const zfsDisk: Listed = {
  name: "sde",
  type: "disk",
  size: 120_034_123_776,
  rm: false,
  hotplug: false,
  tran: "sata",
  children: [{ name: "sde1", type: "part", size: 120_023_154_688, fstype: "zfs_member", label: "tank" }],
};

export const loopDevices: readonly Listed[] = [
  { name: "loop0", type: "loop", size: 0 },
  { name: "loop1", type: "loop", size: 67_100_672, fstype: "squashfs", ro: true, mountpoints: ["/snap/core22/1033"] },
  { name: "zram0", type: "disk", size: 8_589_934_592, mountpoints: ["[SWAP]"] },
];

export const dvdDrive: Listed = { name: "sr0", type: "rom", size: 1_073_741_312, tran: "sata", model: "DVDRAM GP57" };

/** What udev names them. */
export const exampleNames: ReadonlyMap<string, readonly string[]> = new Map([
  [
    "/dev/nvme0n1",
    ["/dev/disk/by-id/nvme-eui.002538b12345", "/dev/disk/by-id/nvme-SAMSUNG_MZVL2512HCJQ_S675NX0T123456"],
  ],
  [
    "/dev/sdb",
    [
      "/dev/disk/by-path/pci-0000:00:14.0-usb-0:2:1.0-scsi-0:0:0:0",
      "/dev/disk/by-id/usb-Generic_Mass-Storage_125C20100726-0:0",
    ],
  ],
  ["/dev/sdb1", ["/dev/disk/by-id/usb-Generic_Mass-Storage_125C20100726-0:0-part1"]],
  ["/dev/mmcblk0", ["/dev/disk/by-id/mmc-SC64G_0x1b2c3d4e"]],
  ["/dev/mmcblk1boot0", ["/dev/disk/by-id/mmc-DA4032_0x01-boot0"]],
  ["/dev/sdc", ["/dev/disk/by-id/wwn-0x50014ee2b", "/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_WD-WCC7K1"]],
  ["/dev/sde", ["/dev/disk/by-id/ata-KINGSTON_SA400_50026B"]],
  ["/dev/dm-1", ["/dev/disk/by-id/dm-name-vg-root"]],
  ["/dev/md0", ["/dev/disk/by-id/md-name-barn:0"]],
]);

export const reader = "/dev/disk/by-id/usb-Generic_Mass-Storage_125C20100726-0:0";
