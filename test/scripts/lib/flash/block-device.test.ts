import test from "ava";
import fc from "fast-check";
import { parseBlockDevices, withDescendants, type BlockDevice } from "../../../../scripts/lib/flash/block-device.ts";
import {
  bootDisk,
  builtInSlot,
  cardInReader,
  dvdDrive,
  emptyReader,
  loopDevices,
  lsblkOutput,
  type Listed,
  raidDisks,
  systemDisk,
  zfsDisk,
} from "./lsblk.ts";

function parseOne(device: Parameters<typeof lsblkOutput>[0][number]): BlockDevice {
  const [parsed] = parseBlockDevices(lsblkOutput([device]));
  if (parsed === undefined) throw new Error("nothing came out");
  return parsed;
}

test("a card in a reader: size, transport, model and partitions", (t) => {
  t.deepEqual(parseOne(cardInReader), {
    path: "/dev/sdb",
    kind: "disk",
    bytes: 31_914_983_424,
    readOnly: false,
    builtIn: false,
    transport: "usb",
    model: "Mass-Storage",
    serial: "125C20100726",
    sequence: 21,
    fileSystem: undefined,
    label: undefined,
    mountPoints: [],
    children: [
      parseOne({ name: "sdb1", type: "part", size: 512 * 2 ** 20, fstype: "vfat", label: "bootfs" }),
      parseOne({ name: "sdb2", type: "part", size: 5 * 2 ** 30, fstype: "ext4", label: "rootfs" }),
    ],
  });
});

test("what lies on a partition is found at any depth, by the kernel's name", (t) => {
  const found = withDescendants(parseOne(systemDisk)).flatMap(({ path, mountPoints }) =>
    mountPoints.map((point) => `${path} ${point}`),
  );
  t.deepEqual(found, ["/dev/nvme0n1p1 /boot/efi", "/dev/dm-1 /", "/dev/dm-2 [SWAP]", "/dev/dm-3 /home"]);
});

test("a built-in slot has its transport by its name, and an empty reader no bytes", (t) => {
  t.is(parseOne(builtInSlot).transport, "mmc");
  t.is(parseOne(emptyReader).bytes, 0);
  t.true(parseOne(bootDisk).readOnly);
  t.false(parseOne(builtInSlot).builtIn);
  t.true(parseOne(systemDisk).builtIn);
});

test("versions of lsblk before 2.37 have one mount point, and text for flags and numbers", (t) => {
  const old = parseOne({ name: "sda", type: "disk", size: "1000", ro: "1", mountpoint: "/srv" });
  t.like(old, { bytes: 1000, readOnly: true, mountPoints: ["/srv"] });
  t.deepEqual(parseOne({ name: "sda", type: "disk", size: null, ro: "0", mountpoint: null }).mountPoints, []);
});

test("a device's own words can't steer a terminal", (t) => {
  t.is(parseOne({ name: "sda", type: "disk", size: 1, model: "Disk\u001b[2J\u202e!\n" }).model, "Disk[2J!");
  t.is(parseOne({ name: "sda", type: "disk", size: 1, model: " \u0007 " }).model, undefined);
});

test("something else than lsblk's output is refused", (t) => {
  for (const output of ["", "lsblk: failed", "{}", '{"blockdevices": [{"kname": "sda"}]}', '{"blockdevices": [null]}'])
    t.throws(() => parseBlockDevices(output));
});

test("every device of every machine comes out once, with its size, wherever it lies", (t) => {
  const fields = {
    name: fc.stringMatching(/^[a-z0-9-]{1,12}$/),
    type: fc.constantFrom("disk", "part", "lvm", "crypt", "raid1", "rom", "loop"),
    size: fc.oneof(fc.nat(), fc.nat().map(String), fc.constant(null)),
    ro: fc.constantFrom<boolean | "0" | "1">(true, false, "0", "1"),
    model: fc.option(fc.string({ unit: "binary" })),
    mountpoints: fc.array(fc.option(fc.string({ unit: "binary", minLength: 1 }))),
  };
  const node: fc.Memo<Listed> = fc.memo((depth) =>
    depth <= 1 ? fc.record(fields) : fc.record({ ...fields, children: fc.array(node(), { maxLength: 3 }) }),
  );
  const flatten = (device: Listed): Listed[] => [device, ...(device.children ?? []).flatMap(flatten)];
  fc.assert(
    fc.property(fc.array(node(3), { maxLength: 5 }), (devices) => {
      const parsed = parseBlockDevices(lsblkOutput(devices)).flatMap(withDescendants);
      const given = devices.flatMap(flatten);
      t.deepEqual(
        parsed.map(({ path, bytes, mountPoints }) => ({ path, bytes, mountPoints })),
        given.map(({ name, size, mountpoints }) => ({
          path: `/dev/${name}`,
          bytes: Number(size ?? 0),
          mountPoints: (mountpoints ?? []).filter((point) => point !== null),
        })),
      );
    }),
  );
});

test("all example machines parse", (t) => {
  const all = [systemDisk, cardInReader, builtInSlot, bootDisk, ...raidDisks, zfsDisk, ...loopDevices, dvdDrive];
  t.is(parseBlockDevices(lsblkOutput(all)).length, all.length);
});
