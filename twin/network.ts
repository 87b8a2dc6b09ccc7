import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lock } from "proper-lockfile";
import { $ } from "zx";
import { UserError } from "../stacks/user-error.ts";
import { cacheDirectory } from "../stacks/cache-directory.ts";

/**
 * A twin's network: a bridge in a network namespace of its own, so that no firewall, Docker or other twin of this machine
 * has a say in it, and with no route but its own subnet, so that there is no way out. This machine takes part through
 * one interface.
 */
export interface TwinNetwork {
  /** The file that the network namespace is mounted on: for `nsenter --net=`. */
  readonly namespace: string;
  /** The interface by which this machine takes part. */
  readonly interface: string;
  /** The first three bytes of the subnet (always a /24), as in "10.7.1". */
  readonly prefix: string;
  /** Of the bridge: the nodes' gateway, and where the registry listens. */
  readonly gateway: string;
  /** Of this machine. */
  readonly host: string;
}

const shell = $({ quiet: true });
// linux/magic.h, NSFS_MAGIC
const namespaceFileSystem = 0x6e736673;
// Lower than the main table's 32766: asked before any route, after the local table.
const rulePreference = 1000;

/** The network of the twin with this id, kept in `directory`: made on the first call, brought up again if it is down. */
export async function openNetwork(directory: string, id: string): Promise<TwinNetwork> {
  await mkdir(directory, { recursive: true });
  await mkdir(cacheDirectory(), { recursive: true });
  // Two clones that look for a free subnet at the same time would find the same one.
  const claims = { realpath: false, retries: { retries: 60, minTimeout: 100, maxTimeout: 1000 } };
  const release = await lock(join(cacheDirectory(), "twin-networks"), claims);
  try {
    const record = join(directory, "subnet");
    const known = existsSync(record) ? (await readFile(record, "utf8")).trim() : undefined;
    if (known !== undefined && (await isUp(describe(directory, id, known)))) return describe(directory, id, known);
    await takeDown(directory, id);
    const taken = await takenSubnets();
    if (known !== undefined && overlaps(known, taken)) {
      throw new UserError({
        where: record,
        what: `the twin's subnet ${known}.0/24 is in use by something else on this machine now`,
        next: "end what uses it, or remove the twin (npm run twin -- down) and start it anew",
      });
    }
    const network = describe(directory, id, known ?? chooseSubnet(id, taken));
    await writeFile(record, `${network.prefix}\n`);
    await bringUp(network);
    return network;
  } finally {
    await release();
  }
}

/** Removes all that `openNetwork` made on this machine. The nodes must be off. */
export async function removeNetwork(directory: string, id: string): Promise<void> {
  await takeDown(directory, id);
  await rm(join(directory, "subnet"), { force: true });
  await rm(namespaceFile(directory), { force: true });
}

/** What of the network still exists, in words. */
export async function networkLeftovers(directory: string, id: string): Promise<string[]> {
  const found: string[] = [];
  if (existsSync(join("/sys/class/net", interfaceName(id)))) found.push(`interface ${interfaceName(id)}`);
  if (await isNamespace(namespaceFile(directory))) found.push(`network namespace ${namespaceFile(directory)}`);
  if ((await shell`ip rule show`).stdout.includes(interfaceName(id))) found.push(`ip rule for ${interfaceName(id)}`);
  return found;
}

function namespaceFile(directory: string): string {
  return join(directory, "network-namespace");
}

function interfaceName(id: string): string {
  // The kernel allows 15 characters.
  return `bramble-${id}`;
}

function describe(directory: string, id: string, prefix: string): TwinNetwork {
  return {
    namespace: namespaceFile(directory),
    interface: interfaceName(id),
    prefix,
    gateway: `${prefix}.1`,
    host: `${prefix}.254`,
  };
}

async function isNamespace(file: string): Promise<boolean> {
  return existsSync(file) && (await statfs(file)).type === namespaceFileSystem;
}

async function isUp(network: TwinNetwork): Promise<boolean> {
  if (!(await isNamespace(network.namespace))) return false;
  const shown = await shell({ nothrow: true })`ip -4 -o address show dev ${network.interface} up`;
  return shown.stdout.includes(` ${network.host}/24 `);
}

async function bringUp(network: TwinNetwork): Promise<void> {
  await writeFile(network.namespace, "");
  // With forwarding on and no route to forward along, a packet for elsewhere is answered "unreachable" at once; with it off,
  // whoever sent it waits for a timeout.
  await shell`unshare --net=${network.namespace} sh -ec 'ip link set lo up; echo 1 > /proc/sys/net/ipv4/ip_forward'`;
  const inside = shell({ prefix: `set -e; ip() { nsenter --net='${network.namespace}' ip "$@"; }; ` });
  await inside`ip link add bridge type bridge forward_delay 0
    ip link set bridge addrgenmode none up
    ip address add ${network.gateway}/24 dev bridge`;
  await shell`set -e
    ip link add ${network.interface} type veth peer name host netns ${network.namespace}
    ip link set ${network.interface} addrgenmode none up
    ip address add ${network.host}/24 dev ${network.interface}
    ip rule add iif ${network.interface} preference ${rulePreference} prohibit`;
  await inside`ip link set host master bridge addrgenmode none up`;
}

async function takeDown(directory: string, id: string): Promise<void> {
  const device = interfaceName(id);
  if (existsSync(join("/sys/class/net", device))) await shell`ip link delete ${device}`;
  while ((await shell`ip rule show`).stdout.includes(`iif ${device} `)) {
    await shell`ip rule delete iif ${device} preference ${rulePreference}`;
  }
  while (await isNamespace(namespaceFile(directory))) await shell`umount ${namespaceFile(directory)}`;
}

/** A range of IPv4 addresses as numbers, both ends included. */
interface Range {
  readonly first: number;
  readonly last: number;
}

/** The subnets that this machine has routes or addresses for, and those that K3s uses inside the nodes. */
async function takenSubnets(): Promise<Range[]> {
  const routes = await shell`ip -4 -o route show table all`;
  const addresses = await shell`ip -4 -o address show`;
  const words = `${routes.stdout}\n${addresses.stdout}`.split(/\s+/);
  const found = words.map(parseSubnet).filter((it) => it !== undefined);
  return [...found, ...["10.42.0.0/16", "10.43.0.0/16"].map(parseSubnet).filter((it) => it !== undefined)];
}

/** "10.1.2.0/24" or a single address, as a range; undefined for any other word. The default route is not one: "0/0". */
export function parseSubnet(text: string): Range | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+)|)$/.exec(text);
  if (match === null) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, length = 32] = match.slice(1).map((digits) => Number(digits || 32));
  const size = 2 ** (32 - length);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}

function overlaps(prefix: string, taken: readonly Range[]): boolean {
  const own = parseSubnet(`${prefix}.0/24`);
  return own !== undefined && taken.some((it) => it.first <= own.last && own.first <= it.last);
}

/**
 * A free /24 in 10.64.0.0/10 for the twin with this id: the same one each time unless it is taken.
 * @throws UserError if every one is taken
 */
export function chooseSubnet(id: string, taken: readonly Range[]): string {
  const start = createHash("sha256").update(id).digest().readUInt16BE(0) % 16384;
  for (let step = 0; step < 16384; step += 1) {
    const index = (start + step) % 16384;
    const prefix = `10.${64 + (index >> 8)}.${index & 255}`;
    if (!overlaps(prefix, taken)) return prefix;
  }
  throw new UserError({
    what: "no free /24 subnet within 10.64.0.0/10 on this machine",
    next: "look at `ip route` for a route that covers all of it, such as a VPN's, and end it for the time of the twin",
  });
}
