import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { lock } from "proper-lockfile";
import { UserError } from "../user-error.ts";
import type { Endpoint } from "./endpoint.ts";
import { logIn } from "./log-in.ts";
import { NodeUnavailable } from "./node-unavailable.ts";
import { execute, runtimeDirectory, type RunResult } from "./ssh-client.ts";

export type { RunResult };

export interface RunOptions {
  readonly stdin?: string | Readable;
  /** Takes what the command prints, as it comes, instead of the result. */
  readonly stdout?: Writable;
  /** Without it, as long as it takes. */
  readonly timeoutSeconds?: number;
}

/**
 * Runs a command on a node over its one multiplexed connection, opening that first where need be.
 * The arguments are quoted for the node's shell here and nowhere else; secrets belong in stdin.
 * @returns what it printed and its exit code, whatever that is
 * @throws NodeUnavailable when the node cannot be reached, shows another host key, refuses the login, breaks off, or takes
 * too long; UserError when the command was killed on the node
 */
export async function run(endpoint: Endpoint, argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { timeoutSeconds, stdin, stdout } = options;
  const deadline = timeoutSeconds === undefined ? undefined : Date.now() + timeoutSeconds * 1000;
  const command = argv.map(quote).join(" ");
  const attempt = async () => {
    const socket = await openConnection(endpoint, deadline);
    const result = await execute([...through(socket), "-T", "--", "node", command], { stdin, stdout, deadline });
    return { socket, result };
  };
  let { socket, result } = await attempt();
  // The connection was idle for too long in this very moment: nothing has begun, unless a stream was drained for it.
  if (result !== "late" && neverBegan.test(result.stderr) && !(stdin instanceof Readable))
    ({ socket, result } = await attempt());
  if (result === "late")
    throw new NodeUnavailable(endpoint, "unreachable", { detail: `no end after ${timeoutSeconds ?? 0} s` });
  // 255 is ssh's own failure: ours never exit with it. Either the connection broke, or something killed the command.
  if (result.code !== 255) return result;
  if (await isOpen(socket))
    throw new UserError({
      what: `${argv[0] === "sudo" ? (argv[2] ?? "") : (argv[0] ?? "")} was killed on the node before its end${told(result)}`,
      where: endpoint.node,
      next: `see why with \`journalctl -k\` on ${endpoint.node} (out of memory?), then run this again`,
    });
  await closeConnection(endpoint);
  throw new NodeUnavailable(endpoint, "unreachable", { detail: `the connection broke${told(result)}`, midway: true });
}

function told({ stderr }: RunResult): string {
  return stderr.trim() === "" ? "" : `: ${stderr.trim()}`;
}

/** Ends a node's connection now instead of when it has been idle. */
export async function closeConnection(endpoint: Endpoint): Promise<void> {
  await execute([...through(socketOf(endpoint)), "-O", "exit", "node"], { deadline: Date.now() + 5000 });
}

/** A word of a POSIX shell command. */
export function quote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Options that reach the connection behind a control socket, and nothing else: without a master the client would dial by
 * itself; it has no key, and its complaint would only mislead.
 */
function through(socket: string): string[] {
  const options = ["BatchMode=yes", "LogLevel=ERROR", "ControlMaster=no", `ProxyCommand=echo ${noConnection} >&2`];
  return ["-F", "/dev/null", "-S", socket, ...options.flatMap((option) => ["-o", option])];
}

const noConnection = "no connection is open";
/** Only a client that found no master gets as far as a key exchange of its own. */
const neverBegan = new RegExp(`${noConnection}|kex_exchange_identification`);

async function isOpen(socket: string): Promise<boolean> {
  const check = await execute([...through(socket), "-O", "check", "node"], { deadline: Date.now() + 5000 });
  return check !== "late" && check.code === 0;
}

/** Opens the node's connection unless it is open, and returns its control socket's name in the runtime directory. */
async function openConnection(endpoint: Endpoint, deadline: number | undefined): Promise<string> {
  const socket = socketOf(endpoint);
  if (await isOpen(socket)) return socket;
  const path = join(runtimeDirectory(), socket);
  // Two masters on one socket: the second would live on, unshared and for ever.
  const release = await lock(path, {
    realpath: false,
    stale: 15_000,
    retries: { retries: 600, minTimeout: 50, maxTimeout: 100, factor: 1 },
  });
  try {
    if (await isOpen(socket)) return socket;
    rmSync(path, { force: true });
    await logIn(endpoint, socket, deadline);
    return socket;
  } finally {
    await release();
  }
}

/** The name of an endpoint's control socket: the same one in every process of a program run. */
function socketOf(endpoint: Endpoint): string {
  const { address, port, user, hostKey, privateKeys, agent, bastion, connectSeconds, silenceSeconds } = endpoint;
  const way = bastion === undefined ? [] : [bastion.host, bastion.port, bastion.user, bastion.hostKey];
  const identity = [address, port, user, hostKey, privateKeys, agent, way, connectSeconds, silenceSeconds];
  return createHash("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, 12);
}
