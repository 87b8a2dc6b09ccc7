import { setTimeout as sleep } from "node:timers/promises";
import { $ } from "zx";

interface LoopDevice {
  readonly name: string;
  readonly "back-file": string | null;
}

/** The loop devices of this machine whose image is `path` or lies below it. */
export async function loopDevices(path: string): Promise<string[]> {
  const { stdout } = await $({ quiet: true })`losetup --list --json --output NAME,BACK-FILE`;
  if (stdout.trim() === "") return [];
  const { loopdevices } = JSON.parse(stdout) as { loopdevices: LoopDevice[] };
  // The kernel marks the name of an image that has been deleted or replaced.
  const image = (device: LoopDevice): string => device["back-file"]?.replace(/ \(deleted\)$/, "") ?? "";
  return loopdevices.filter((it) => image(it) === path || image(it).startsWith(`${path}/`)).map((it) => it.name);
}

/**
 * Waits until no loop device holds an image at or below `path`. A mount goes with the last process that sees it, but the
 * kernel takes a moment to write out and let go; and a node that was killed before it had mounted its card left a device.
 */
export async function releaseLoopDevices(path: string): Promise<void> {
  for (let held = await loopDevices(path); held.length > 0; held = await loopDevices(path)) {
    // Detaching one that is in use only makes the kernel detach it afterwards.
    await $({ quiet: true, nothrow: true })`losetup --detach ${held}`;
    await sleep(20);
  }
}
