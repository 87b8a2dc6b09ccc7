import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { dataDiskPhase } from "../../../stacks/nodes/data-disk-phase.ts";
import { root as project } from "../../../stacks/root.ts";
import { exampleNode, exampleSite } from "../keys/example.ts";
import { testWithTools } from "../../with-tools.ts";
import { plant } from "./board.ts";

const sbin = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;

function findLoopDevice(): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const { status, stdout } = spawnSync("losetup", ["--find"], { encoding: "utf8", env: { PATH: sbin } });
  return status === 0 ? stdout.trim() : undefined;
}
const mayLoop = findLoopDevice() !== undefined;

/** A test with a disk of its own; without root and loop devices it is skipped, and says so. */
function withDisk(title: string, run: (t: ExecutionContext, disk: ReturnType<typeof attachDisk>) => void): void {
  const tools = ["mkfs.ext4", "debugfs", "wipefs", "blkid", "losetup", "mountpoint", "sfdisk"];
  const body = (t: ExecutionContext) => {
    run(t, attachDisk(t));
  };
  if (mayLoop) testWithTools(tools, title, body);
  else test.skip(`${title} (skipped: needs root and loop devices)`, body);
}

function attachDisk(t: ExecutionContext) {
  const base = plant(t, { "/disk.img": "" });
  const image = join(base, "disk.img");
  truncateSync(image, 64 * 1024 ** 2);
  const tool = (command: string, ...args: string[]) =>
    execFileSync(command, args, { encoding: "utf8", env: { PATH: sbin }, stdio: "pipe" }).trim();
  const device = tool("losetup", "--find", "--show", image);
  t.teardown(() => {
    for (const place of ["var/lib/rancher", "var/lib/bramble/models", "var/lib/bramble/results", "srv/bramble"])
      spawnSync("umount", [join(base, place)], { env: { PATH: sbin } });
    tool("losetup", "--detach", device);
  });
  /** The script of `node` in `site`, run as on the node; what it said on stderr, or "" when it ended well. */
  const script = (verb: string, { site = "barn", node = "pi-1", erase = false, at = device } = {}): string => {
    const example = { ...exampleSite(), name: site };
    const dataDisk = { device: "/dev/disk/by-id/usb-disk", erase };
    example.nodes = { [node]: exampleNode({ role: "server", address: "192.168.7.11", dataDisk }) };
    const [program, settings] = dataDiskPhase(example, node)?.files ?? [];
    if (program === undefined || settings === undefined || !("content" in program) || !("content" in settings))
      throw new Error("the phase has other files than it had");
    const conf = join(base, "data-disk.conf");
    writeFileSync(conf, settings.content.replace("/dev/disk/by-id/usb-disk", at));
    const { status, stderr } = spawnSync("sh", ["-s", verb], {
      input: program.content,
      encoding: "utf8",
      env: {
        PATH: sbin,
        BRAMBLE_DATA_DISK_CONF: conf,
        BRAMBLE_DATA_DISK_BASE: base,
        BRAMBLE_DATA_DISK_PATIENCE: "1",
      },
    });
    return status === 0 ? "" : stderr.trim() || `status ${status ?? "none"}`;
  };
  const uuid = () => tool("blkid", "-p", "-o", "value", "-s", "UUID", device);
  return { base, image, device, script, tool, uuid };
}

withDisk("a blank disk is formatted once, mounted where K3s, models and results lie, and keeps its data", (t, disk) => {
  const { base, script, uuid } = disk;
  t.not(script("check"), "");
  t.is(script("prepare"), "");
  t.is(script("check"), "");
  const first = uuid();
  t.is(script("mount"), "");
  t.is(script("mount"), "", "mounting again is no error");
  for (const place of ["var/lib/rancher", "var/lib/bramble/models", "var/lib/bramble/results"])
    writeFileSync(join(base, place, "file"), place);
  t.is(readFileSync(join(base, "srv/bramble/rancher/file"), "utf8"), "var/lib/rancher");
  t.is(script("check"), "", "what is on the disk is not hidden by it");
  t.is(script("prepare"), "");
  t.is(script("unmount"), "");
  t.is(script("unmount"), "", "unmounting again is no error");
  t.is(script("prepare", { erase: true }), "", "one that is ours is never formatted again");
  t.is(uuid(), first);
  t.is(script("mount"), "");
  t.is(readFileSync(join(base, "var/lib/bramble/results/file"), "utf8"), "var/lib/bramble/results");
});

withDisk("a disk with something on it is refused with what that is, and formatted only when told to", (t, disk) => {
  const { device, script, tool, uuid } = disk;
  tool("mkfs.ext4", "-q", "-L", "photos", device);
  const before = uuid();
  t.regex(script("prepare"), /not blank, it holds ext4 photos.*dataDisk\.erase/);
  t.is(uuid(), before);
  t.regex(script("mount"), /not the data disk of pi-1/);
  t.is(script("prepare", { erase: true }), "");
  t.not(uuid(), before);
  t.is(script("check"), "");
});

withDisk("a partition table counts as something", (t, { device, script, tool }) => {
  execFileSync("sfdisk", ["--quiet", device], { input: "label: gpt\n", env: { PATH: sbin }, stdio: "pipe" });
  t.regex(script("prepare"), /not blank, it holds.*gpt/);
  t.true(tool("wipefs", "--no-act", device).includes("gpt"), "still there");
});

withDisk(
  "another node's data disk of this site is refused whatever is told, another site's only without erase",
  (t, disk) => {
    const { script, uuid } = disk;
    t.is(script("prepare", { node: "pi-3" }), "");
    const before = uuid();
    for (const erase of [false, true])
      t.regex(script("prepare", { erase }), /data disk of pi-3 in this site, not of pi-1/);
    t.regex(script("mount"), /not the data disk of pi-1/);
    t.regex(script("prepare", { site: "field" }), /data disk of pi-3 in site barn.*dataDisk\.erase/);
    t.is(uuid(), before);
    t.is(script("prepare", { site: "field", erase: true }), "");
    t.not(uuid(), before);
  },
);

withDisk("a disk in use is not formatted, whatever is told", (t, { base, device, script, tool, uuid }) => {
  tool("mkfs.ext4", "-q", device);
  const before = uuid();
  const elsewhere = join(base, "elsewhere");
  mkdirSync(elsewhere);
  tool("mount", device, elsewhere);
  try {
    t.regex(script("prepare", { erase: true }), /busy|in use/i);
  } finally {
    tool("umount", elsewhere);
  }
  t.is(uuid(), before);
});

withDisk("data on the card that the disk would hide stop it; empty directories do not", (t, { base, script }) => {
  mkdirSync(join(base, "var/lib/bramble/results"), { recursive: true });
  mkdirSync(join(base, "var/lib/rancher/k3s"), { recursive: true });
  t.regex(script("prepare"), /var\/lib\/rancher on the card would vanish from sight.*generation \+ 1/);
  t.not(script("check"), "");
});

withDisk("a disk that is missing is named", (t, { script }) => {
  for (const verb of ["prepare", "mount"])
    t.regex(script(verb, { at: "/dev/disk/by-id/none" }), /there is no disk \/dev\/disk\/by-id\/none: plug it in/);
});

test("the script lies beside the phase that installs it", (t) => {
  t.true(readFileSync(join(project, "stacks/nodes/data-disk.sh"), "utf8").startsWith("#!/bin/sh\n"));
});
