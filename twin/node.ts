import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../stacks/user-error.ts";
import { readCardLayout } from "./card-layout.ts";
import { cgroupDirectories, isUnified, killCgroup, processesIn, startInCgroup } from "./cgroup.ts";
import { releaseLoopDevices } from "./loop-devices.ts";
import type { Twin } from "./twin.ts";

/** A board of the twin. */
export interface TwinNode {
  readonly name: string;
  /** The address that the seed on its card configures. */
  readonly address: string;
}

const boardMemoryBytes = 4 * 1024 ** 3;

/** Where a node's card lies: write it there before the node is booted. */
export function cardOf(twin: Twin, node: string): string {
  return join(twin.directory, "cards", `${node}.img`);
}

/** The directory of a node's working files. */
export function nodeDirectory(twin: Twin, node: string): string {
  return join(twin.directory, "nodes", node);
}

/** Everything that the node's system wrote to its console since it was last powered on. */
export function consoleOf(twin: Twin, node: string): string {
  return join(nodeDirectory(twin, node), "console.log");
}

export function cgroupOf(twin: Twin, node: string): string {
  return `bramble-${twin.id}-node-${node}`;
}

/** The name of the node's interface on the twin's bridge. */
export function portOf(node: string): string {
  return `port-${createHash("sha256").update(node).digest("hex").slice(0, 8)}`;
}

export async function isRunning(twin: Twin, node: string): Promise<boolean> {
  return (await processesIn(cgroupOf(twin, node))).length > 0;
}

/** Powers a node on. Nothing happens if it is on already. Does not wait for its system: see `waitForSsh`. */
export async function startNode(twin: Twin, node: string): Promise<void> {
  if (await isRunning(twin, node)) return;
  const card = cardOf(twin, node);
  if (!existsSync(card)) {
    throw new UserError({ where: node, what: `it has no card (${card})`, next: "write its card first" });
  }
  const directory = nodeDirectory(twin, node);
  const layout = await readCardLayout(card);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await killCgroup(cgroupOf(twin, node));
  await releaseDisks(twin, node);
  const address = createHash("sha256").update(`${twin.id} ${node}`).digest("hex");
  await startInCgroup({
    cgroup: cgroupOf(twin, node),
    memoryBytes: boardMemoryBytes,
    log: consoleOf(twin, node),
    command: ["unshare", "--mount", "--propagation", "private", "bash", join(import.meta.dirname, "boot-node.sh")],
    environment: {
      NODE: node,
      CARD: card,
      BOOT_OFFSET: String(layout.boot.offset),
      ROOT_OFFSET: String(layout.root.offset),
      ROOT_SIZE: String(layout.root.size),
      DIRECTORY: directory,
      NETWORK: twin.network.namespace,
      PORT: portOf(node),
      // Locally administered, and the same at each boot, as a board's is.
      MAC: `02:${(address.slice(0, 10).match(/../g) ?? []).join(":")}`,
      MEMORY_KB: String(boardMemoryBytes / 1024),
      CGROUPS: (await cgroupDirectories(cgroupOf(twin, node))).join(" "),
      NODE_CGROUP: isUnified() ? join("/sys/fs/cgroup", cgroupOf(twin, node), "node") : "",
    },
  });
}

/**
 * Waits until the node's sshd greets.
 * @throws UserError if the node ends, or does not answer within `timeoutSeconds`
 */
export async function waitForSsh(twin: Twin, node: TwinNode, timeoutSeconds = 120): Promise<void> {
  const end = Date.now() + timeoutSeconds * 1000;
  while (!(await greets(node.address))) {
    const running = await isRunning(twin, node.name);
    if (!running || Date.now() > end) {
      throw new UserError({
        where: node.name,
        what: running ? `no sshd at ${node.address} after ${timeoutSeconds} s` : "the node went off while it booted",
        next: `read its console: ${consoleOf(twin, node.name)}`,
      });
    }
    await sleep(100);
  }
}

function greets(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 22, timeout: 1000 });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("data", (data) => {
      finish(data.toString("latin1").startsWith("SSH-"));
    });
    socket.once("error", () => {
      finish(false);
    });
    socket.once("timeout", () => {
      finish(false);
    });
    socket.once("close", () => {
      finish(false);
    });
  });
}

/**
 * Shuts a node down as its power button does, and pulls the plug after `graceSeconds` (0: at once).
 * Pulling the plug is no power cut: what the node wrote but did not sync still reaches the card. For that see faults.ts.
 */
export async function stopNode(twin: Twin, node: string, graceSeconds = 20): Promise<void> {
  const end = Date.now() + graceSeconds * 1000;
  // A node whose keeper was killed has no power button any more.
  const keeper = graceSeconds > 0 ? await keeperOf(twin, node) : undefined;
  if (keeper !== undefined) {
    process.kill(keeper, "SIGTERM");
    while ((await isRunning(twin, node)) && Date.now() < end) await sleep(100);
  }
  await killCgroup(cgroupOf(twin, node));
  await releaseDisks(twin, node);
}

/** The card's device, and that of a data disk. */
async function releaseDisks(twin: Twin, node: string): Promise<void> {
  await releaseLoopDevices(cardOf(twin, node));
  await releaseLoopDevices(nodeDirectory(twin, node));
}

/** The process that keeps the node powered: it sees the node's root file system under root/ of the node's directory. */
async function keeperOf(twin: Twin, node: string): Promise<number | undefined> {
  for (const pid of await processesIn(cgroupOf(twin, node))) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.split("\0")[1]?.endsWith("/boot-node.sh") === true) return pid;
  }
  return undefined;
}

/** A path to the root of a running node's file system, as seen from this machine. */
export async function rootOf(twin: Twin, node: string): Promise<string> {
  const keeper = await keeperOf(twin, node);
  if (keeper === undefined) throw new Error(`${node} is not running`);
  return join(`/proc/${keeper}/root`, nodeDirectory(twin, node), "root");
}

/** Powers a node off at once and removes its working files and its card. */
export async function removeNode(twin: Twin, node: string): Promise<void> {
  await stopNode(twin, node, 0);
  await rm(nodeDirectory(twin, node), { recursive: true, force: true });
  await rm(cardOf(twin, node), { force: true });
}
