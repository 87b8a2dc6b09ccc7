import { existsSync } from "node:fs";
import { readFile, rename, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { $ } from "zx";
import { killCgroup, processesIn, setFrozen } from "./cgroup.ts";
import { dataDiskOf } from "./data-disk.ts";
import { loopDevices } from "./loop-devices.ts";
import { cardOf, cgroupOf, isRunning, nodeDirectory, portOf, rootOf, startNode, stopNode } from "./node.ts";
import type { Twin } from "./twin.ts";

/** What goes wrong at a site, done to a twin: for tests. */

const shell = $({ quiet: true });

/**
 * Cuts a node's power: what its system had not yet written out to the card is lost. The node stays off until
 * `restorePower`. Nothing happens if it is off.
 *
 * Killing alone would not do: the page cache outlives the processes. So the node is frozen where it stands, its file
 * systems are stopped without writing anything more (the journal's thread is not one of the node's processes), and the
 * images of card and data disk are copied as they are now; only then comes the kill, and the copies take their place.
 */
export async function cutPower(twin: Twin, node: string): Promise<void> {
  if (!(await isRunning(twin, node))) return;
  const disks = [cardOf(twin, node), dataDiskOf(twin, node)].filter((path) => existsSync(path));
  const root = await rootOf(twin, node);
  await setFrozen(cgroupOf(twin, node), true);
  for (const fileSystem of [root, ...(await dataDiskMounts(twin, node))])
    await shell({ input: shutDownFileSystem })`python3 - ${fileSystem}`;
  for (const disk of disks) await shell`cp --sparse=always ${disk} ${disk}.power-cut`;
  await killCgroup(cgroupOf(twin, node));
  await stopNode(twin, node, 0);
  for (const disk of disks) await rename(`${disk}.power-cut`, disk);
}

/** Where the node has file systems of its data disk mounted, as paths on this machine. */
async function dataDiskMounts(twin: Twin, node: string): Promise<string[]> {
  const devices = await loopDevices(dataDiskOf(twin, node));
  const numbers = devices.map((device) => `7:${/\d+$/.exec(device)?.[0] ?? ""}`);
  if (numbers.length === 0) return [];
  for (const pid of await processesIn(cgroupOf(twin, node))) {
    // proc_pid_mountinfo(5): id, parent, major:minor, root, mount point.
    const lines = (await readFile(`/proc/${pid}/mountinfo`, "utf8").catch(() => "")).split("\n");
    const found = lines.map((line) => line.split(" ")).filter(([, , device]) => numbers.includes(device ?? ""));
    // A file system is stopped once, wherever it is mounted; a device node that is bound to a name is none.
    const [mount] = found.filter(([, , , , point]) => point?.startsWith("/dev/") === false);
    if (mount?.[4] !== undefined) return [join(`/proc/${pid}/root`, mount[4])];
  }
  return [];
}

// EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH (fs/ext4/ext4.h): what file system tests simulate a crash with.
const shutDownFileSystem = `
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack("I", 2))
`;

/** Gives a node power again: it boots from what its card holds. */
export async function restorePower(twin: Twin, node: string): Promise<void> {
  await startNode(twin, node);
}

/** Pulls the node's network cable. It stays pulled over reboots. */
export async function cutLink(twin: Twin, node: string): Promise<void> {
  await writeFile(linkCutMark(twin, node), "");
  await setPort(twin, node, "down");
}

/** Plugs the node's network cable in again. */
export async function restoreLink(twin: Twin, node: string): Promise<void> {
  await rm(linkCutMark(twin, node), { force: true });
  await setPort(twin, node, "up");
}

/** boot-node.sh looks for this file when it makes the node's interface. */
function linkCutMark(twin: Twin, node: string): string {
  return join(nodeDirectory(twin, node), "link-cut");
}

async function setPort(twin: Twin, node: string, state: "up" | "down"): Promise<void> {
  if (!(await isRunning(twin, node))) return;
  await shell`nsenter --net=${twin.network.namespace} ip link set ${portOf(node)} ${state}`;
}

/** Fills a running node's disk to the last block; `freeDisk` undoes it. */
export async function fillDisk(twin: Twin, node: string): Promise<void> {
  const root = await rootOf(twin, node);
  const file = join(root, filler);
  const { bfree, bsize } = await statfs(root);
  await shell`fallocate --length ${Math.max(bsize, bfree * bsize - 64 * 1024 ** 2)} ${file}`;
  // The file system sets blocks aside for its own bookkeeping while data waits to be written, and gives back what it did
  // not need: what is free after a sync is filled again.
  for (const blockSize of ["1M", "4k", "4k"]) {
    await shell({ nothrow: true })`dd if=/dev/zero of=${file} bs=${blockSize} oflag=append conv=notrunc`;
    await shell`sync --file-system ${root}`;
  }
}

/** Removes what `fillDisk` put there. */
export async function freeDisk(twin: Twin, node: string): Promise<void> {
  await rm(join(await rootOf(twin, node), filler), { force: true });
}

const filler = "var/disk-filler";
