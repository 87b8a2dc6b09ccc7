import test from "ava";
import { parseBlockDevices } from "../../../../scripts/lib/flash/block-device.ts";
import { describeCandidates } from "../../../../scripts/lib/flash/candidates.ts";
import { joinNames, knowsSystem, mediumOf, type Disk } from "../../../../scripts/lib/flash/disk.ts";
import { largestCard, refusals, throwRefusals } from "../../../../scripts/lib/flash/refusals.ts";
import type { Stamp } from "../../../../stacks/cards/stamp.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { matchesGolden } from "../../../golden.ts";
import {
  bootDisk,
  builtInSlot,
  cardInReader,
  dvdDrive,
  emptyReader,
  exampleNames,
  loopDevices,
  lsblkOutput,
  raidDisks,
  reader,
  systemDisk,
  zfsDisk,
} from "./lsblk.ts";

type Listed = typeof cardInReader;

const wanted = { site: "barn", node: "pi-2", bytes: 2_900_000_000 };
const free: Listed = { ...cardInReader, children: [] };
const none = { replace: false, sizeOk: false, systemKnown: true };

function stamp(changes: Partial<Stamp> = {}): Stamp {
  return { site: "barn", node: "pi-2", generation: 3, digest: "a".repeat(64), ...changes } as Stamp;
}

function disksOf(devices: readonly Listed[]): Disk[] {
  return joinNames(parseBlockDevices(lsblkOutput(devices)), exampleNames).map((disk) => ({
    ...disk,
    permitted: true,
    stamp: undefined,
    trouble: undefined,
  }));
}

/** The device that the kernel calls so, among these. */
function diskOf(device: Listed | readonly Listed[], path: string, changes: Partial<Disk> = {}): Disk {
  const disk = disksOf(Array.isArray(device) ? (device as Listed[]) : [device as Listed]).find(
    (candidate) => candidate.device.path === path,
  );
  if (disk === undefined) throw new Error(`there is no ${path}`);
  return { ...disk, ...changes };
}

interface Case {
  readonly title: string;
  readonly disk: Disk;
  readonly to?: string;
  readonly options?: Partial<typeof none>;
  /** A part of each message, in order; none where a card may be written. */
  readonly expected: readonly RegExp[];
}

const inReader = (changes: Partial<Disk> = {}, device: Listed = free) => diskOf(device, "/dev/sdb", changes);
const nvme = "/dev/disk/by-id/nvme-SAMSUNG_MZVL2512HCJQ_S675NX0T123456";
const plainNvme: Listed = { ...systemDisk, children: [] };

const cases: readonly Case[] = [
  { title: "a card in a reader", disk: inReader(), expected: [] },
  { title: "a card with Raspberry Pi OS on it", disk: inReader({}, cardInReader), expected: [] },
  {
    title: "a card by its place",
    disk: inReader(),
    to: "/dev/disk/by-path/pci-0000:00:14.0-usb-0:2:1.0-scsi-0:0:0:0",
    expected: [],
  },
  {
    title: "the kernel's name",
    disk: inReader(),
    to: "/dev/sdb",
    expected: [/\/dev\/sdb is a name that can mean another disk[^]*--to \/dev\/disk\/by-id\/usb-Generic/],
  },
  {
    title: "a link of the user's own",
    disk: inReader(),
    to: "/home/ada/card",
    expected: [/can mean another disk/],
  },
  {
    title: "a disk without a stable name",
    disk: diskOf({ ...free, name: "sdz" }, "/dev/sdz"),
    to: "/dev/sdz",
    expected: [/has no stable name/],
  },
  {
    title: "a partition",
    disk: diskOf(cardInReader, "/dev/sdb1"),
    to: `${reader}-part1`,
    expected: [/is a partition of \/dev\/sdb/, /is too small/],
  },
  {
    title: "a DVD drive",
    disk: diskOf(dvdDrive, "/dev/sr0"),
    to: "/dev/sr0",
    expected: [/no stable/, /is no disk but rom/, /small/],
  },
  {
    title: "the system's disk, through LUKS and LVM",
    disk: diskOf(systemDisk, "/dev/nvme0n1"),
    to: nvme,
    options: { sizeOk: true },
    expected: [/this machine runs from it: it holds \/boot\/efi, \/, \[SWAP\], \/home/],
  },
  {
    title: "the system's logical volume",
    disk: diskOf(systemDisk, "/dev/dm-1"),
    to: "/dev/disk/by-id/dm-name-vg-root",
    options: { sizeOk: true },
    expected: [/lies on \/dev\/dm-0 \(lvm\)/, /this machine runs from it/],
  },
  {
    title: "a disk with swap on it, and nothing else",
    disk: inReader({}, { ...free, mountpoints: ["[SWAP]"] }),
    expected: [/this machine runs from it: it holds \[SWAP\]/],
  },
  ...["/", "/boot", "/boot/firmware", "/usr", "/var", "/home"].map((point) => ({
    title: `a disk with ${point}`,
    disk: inReader({}, { ...free, children: [{ name: "sdb1", type: "part", size: 1, mountpoints: [point] }] }),
    expected: [/this machine runs from it/],
  })),
  {
    title: "a mounted card, with a space in its name",
    disk: diskOf(builtInSlot, "/dev/mmcblk0"),
    to: "/dev/disk/by-id/mmc-SC64G_0x1b2c3d4e",
    expected: [/mounted at \/media\/ada\/PHOTOS and more\n {2}Next: .*umount '\/media\/ada\/PHOTOS and more'$/],
  },
  {
    title: "a mounted card where the system's disk is not known",
    disk: diskOf(builtInSlot, "/dev/mmcblk0"),
    to: "/dev/disk/by-id/mmc-SC64G_0x1b2c3d4e",
    options: { systemKnown: false },
    expected: [/which disk this machine runs from can't be told here/],
  },
  {
    title: "a disk of a RAID that is mounted",
    disk: diskOf(raidDisks, "/dev/sdc"),
    to: "/dev/disk/by-id/ata-WDC_WD40EFRX-68N32N0_WD-WCC7K1",
    options: { sizeOk: true },
    expected: [/is in use: mounted at \/srv/],
  },
  {
    title: "a disk that LUKS is open on",
    disk: inReader({}, { ...free, children: [{ name: "crypt", kname: "dm-9", type: "crypt", size: 9 }] }),
    expected: [/is in use: \/dev\/dm-9 \(crypt\) lies on it/],
  },
  {
    title: "a disk of a ZFS pool, which no mount shows",
    disk: diskOf(zfsDisk, "/dev/sde"),
    to: "/dev/disk/by-id/ata-KINGSTON_SA400_50026B",
    expected: [/something larger that may be in use \(zfs_member\)/],
  },
  {
    title: "an empty reader",
    disk: inReader({}, emptyReader),
    expected: [/has no medium\n {2}Next: insert the card of pi-2/],
  },
  { title: "a card whose lock is on", disk: inReader({}, { ...free, ro: true }), expected: [/is read-only/] },
  {
    title: "a disk that belongs to another user",
    disk: inReader({ permitted: false }),
    expected: [/you may not read and write it\n {2}Next: .*sudo chown "\$USER" \/dev\/disk\/by-id\/usb-/],
  },
  {
    title: "a disk that can't be read",
    disk: inReader({ trouble: new UserError({ what: "can't be read (EIO)", where: "/dev/sdb", next: "x" }) }),
    expected: [/usb-Generic.*: can't be read \(EIO\)/],
  },
  { title: "a card that the image just fits", disk: inReader({}, { ...free, size: wanted.bytes }), expected: [] },
  {
    title: "a card that is a byte too small",
    disk: inReader({}, { ...free, size: wanted.bytes - 1 }),
    expected: [/is too small: it has 2.9 GB, the image takes 2.9 GB/],
  },
  { title: "a card of the largest size", disk: inReader({}, { ...free, size: largestCard }), expected: [] },
  {
    title: "a disk that is larger than cards are",
    disk: diskOf(plainNvme, "/dev/nvme0n1"),
    to: nvme,
    expected: [/has 512 GB, more than cards have \(the limit is 256 GiB\)[^]*--size-ok/],
  },
  {
    title: "a large disk that is meant",
    disk: diskOf(plainNvme, "/dev/nvme0n1"),
    to: nvme,
    options: { sizeOk: true },
    expected: [],
  },
  {
    title: "this node's own card of another generation",
    disk: inReader({ stamp: stamp({ generation: 2 }) }),
    expected: [],
  },
  {
    title: "another node's card",
    disk: inReader({ stamp: stamp({ node: "pi-1" }) }),
    expected: [/is the card of pi-1 in site barn \(generation 3\)[^]*--replace/],
  },
  {
    title: "another site's card of the same node name",
    disk: inReader({ stamp: stamp({ site: "orchard" }) }),
    expected: [/is the card of pi-2 in site orchard/],
  },
  {
    title: "another node's card that is to be replaced",
    disk: inReader({ stamp: stamp({ node: "pi-1" }) }),
    options: { replace: true },
    expected: [],
  },
  {
    title: "everything at once",
    disk: inReader({ stamp: stamp({ node: "pi-1" }) }, { ...free, ro: true, size: 1000, mountpoints: ["/mnt"] }),
    to: "/dev/sdb",
    options: {},
    expected: [/another disk/, /mounted at \/mnt/, /read-only/, /too small/, /card of pi-1/],
  },
];

for (const { title, disk, to = reader, options, expected } of cases)
  test(`${expected.length === 0 ? "taken" : "refused"}: ${title}`, (t) => {
    const errors = refusals(disk, wanted, { ...none, ...options, to });
    t.is(errors.length, expected.length, errors.map(({ message }) => message).join("\n"));
    for (const [index, pattern] of expected.entries()) {
      t.true(errors[index] instanceof UserError);
      t.regex(errors[index]?.message ?? "", pattern);
      t.regex(errors[index]?.message ?? "", new RegExp(`^${to}: [^]*\\n {2}Next: .`));
    }
  });

test("several refusals become one error that names them all", (t) => {
  t.notThrows(() => {
    throwRefusals([]);
  });
  const errors = refusals(inReader({ stamp: stamp({ node: "pi-1" }) }, { ...free, size: 1000 }), wanted, {
    ...none,
    to: reader,
  });
  const error = t.throws(
    () => {
      throwRefusals(errors);
    },
    { instanceOf: UserError },
  );
  t.is(
    error.message,
    `${reader}: is not written to, for 2 reasons:
  - is too small: it has 1000 B, the image takes 2.9 GB
  - is the card of pi-1 in site barn (generation 3)
  Next: take a larger card; insert the card of pi-2, or add --replace to write over this one`,
  );
});

test("names that say what the device is come first", (t) => {
  t.deepEqual(
    disksOf([cardInReader, systemDisk]).flatMap(({ parent, names }) => (parent === undefined ? [names[0]] : [])),
    [reader, nvme],
  );
});

test("loop devices without a file and compressed memory are no disks", (t) => {
  t.deepEqual(
    disksOf(loopDevices).map(({ device }) => device.path),
    ["/dev/loop1"],
  );
});

test("the system's disk is known where some disk holds /", (t) => {
  t.true(knowsSystem(parseBlockDevices(lsblkOutput([cardInReader, systemDisk]))));
  t.false(knowsSystem(parseBlockDevices(lsblkOutput([cardInReader, zfsDisk]))));
});

test("another card in the same reader is another medium", (t) => {
  const first = inReader();
  t.is(mediumOf(inReader({}, cardInReader)), mediumOf(first), "what is on it does not count");
  t.not(mediumOf(inReader({}, { ...free, "disk-seq": 23 })), mediumOf(first));
  t.not(mediumOf(inReader({}, { ...free, size: 1000 })), mediumOf(first));
});

test("the list of candidates", (t) => {
  const machine = [systemDisk, cardInReader, builtInSlot, bootDisk, ...raidDisks, zfsDisk, ...loopDevices, dvdDrive];
  const disks = disksOf(machine)
    .filter(({ parent }) => parent === undefined)
    .map((disk) =>
      disk.device.path === "/dev/sdb" ? { ...disk, stamp: stamp({ generation: 2 }) } : { ...disk, permitted: false },
    );
  const list = describeCandidates({ disks, systemKnown: true }, { ...wanted, bytes: undefined }, none);
  matchesGolden(t, "flash/candidates.txt", `${list}\n`);
});

test("where nothing can take a card, the list says so", (t) => {
  const disks = disksOf([emptyReader]);
  t.is(
    describeCandidates({ disks, systemKnown: false }, wanted, none),
    `No disk can take a card now.
Not to:
  ${reader}
      no medium, usb, Mass-Storage
      - has no medium: insert the card of pi-2
Which disk this machine runs from can't be told here (a container, or an unusual root).`,
  );
});
