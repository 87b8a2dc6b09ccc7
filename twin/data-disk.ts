import { existsSync } from "node:fs";
import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { releaseLoopDevices } from "./loop-devices.ts";
import { isRunning, nodeDirectory } from "./node.ts";
import type { Twin } from "./twin.ts";

/** The name that a node finds its data disk by, as a board would a USB disk. */
export function dataDiskDevice(node: string): string {
  return `/dev/disk/by-id/usb-twin-${node}`;
}

/** The image of a node's data disk; boot-node.sh plugs it in where it exists. */
export function dataDiskOf(twin: Twin, node: string): string {
  return join(nodeDirectory(twin, node), "data-disk.img");
}

/**
 * Plugs a blank disk of so many bytes into a node that is off; it stays plugged in, with what is on it, until `detachDisk`
 * or `downTwin`. One that is there already stays as it is.
 */
export async function attachDisk(twin: Twin, node: string, bytes: number): Promise<void> {
  const image = dataDiskOf(twin, node);
  if (existsSync(image)) return;
  await mustBeOff(twin, node);
  await mkdir(nodeDirectory(twin, node), { recursive: true, mode: 0o700 });
  await writeFile(image, "", { mode: 0o600 });
  await truncate(image, bytes);
}

/** Takes the disk out of a node that is off, and throws it away. */
export async function detachDisk(twin: Twin, node: string): Promise<void> {
  await mustBeOff(twin, node);
  await releaseLoopDevices(dataDiskOf(twin, node));
  await rm(dataDiskOf(twin, node), { force: true });
}

async function mustBeOff(twin: Twin, node: string): Promise<void> {
  if (await isRunning(twin, node)) throw new Error(`${node} is on: a disk is changed while it is off`);
}
