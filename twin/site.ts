import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, realpath, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { listCgroups, killCgroup } from "./cgroup.ts";
import { loopDevices, releaseLoopDevices } from "./loop-devices.ts";
import { networkLeftovers, openNetwork, removeNetwork } from "./network.ts";
import { type TwinNode, startNode, waitForSsh } from "./node.ts";
import type { Progress } from "./progress.ts";
import type { Twin } from "./twin.ts";

/** The twin in this directory, with its network up. Made on the first call; one call at a time for a directory. */
export async function openTwin(directory: string): Promise<Twin> {
  await mkdir(join(directory, "cards"), { recursive: true, mode: 0o700 });
  const place = await realpath(directory);
  return { id: twinId(place), directory: place, network: await openNetwork(place, twinId(place)) };
}

function twinId(place: string): string {
  return createHash("sha256").update(place).digest("hex").slice(0, 6);
}

/** Powers nodes on, all at the same time, and waits until each one's sshd answers. Their cards must be written. */
export async function bootTwin(twin: Twin, nodes: readonly TwinNode[], progress: Progress): Promise<void> {
  const boot = async (node: TwinNode): Promise<void> => {
    const began = Date.now();
    await startNode(twin, node.name);
    await waitForSsh(twin, node);
    progress(`${node.name} answers at ${node.address} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  };
  const outcomes = await Promise.allSettled(nodes.map(boot));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/**
 * Removes the twin in this directory: its processes at once, its network, the directory itself. Works whatever state
 * it is in, after a crash or a reboot of this machine, and when there is none.
 */
export async function downTwin(directory: string): Promise<void> {
  const place = existsSync(directory) ? await realpath(directory) : resolve("/", directory);
  const id = twinId(place);
  await Promise.all((await listCgroups(`bramble-${id}-`)).map(killCgroup));
  await releaseLoopDevices(place);
  await removeNetwork(place, id);
  await rm(place, { recursive: true, force: true });
}

/** What is left on this machine of the twin in this directory, in words; empty after `downTwin`. */
export async function leftovers(directory: string): Promise<string[]> {
  const place = existsSync(directory) ? await realpath(directory) : resolve("/", directory);
  const id = twinId(place);
  const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n").filter((line) => line.includes(`${place}/`));
  return [
    ...(await listCgroups(`bramble-${id}-`)).map((name) => `control group ${name}`),
    ...(await loopDevices(place)).map((device) => `loop device ${device}`),
    ...mounts.map((mount) => `mount ${mount}`),
    ...(await networkLeftovers(place, id)),
    ...(existsSync(place) ? (await readdir(place)).map((entry) => `file ${join(place, entry)}`) : []),
  ];
}
