import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { lock } from "proper-lockfile";
import { UserError } from "../user-error.ts";
import type { Endpoint } from "./endpoint.ts";
import { NodeUnavailable, explainFailure } from "./node-unavailable.ts";

export interface RunOptions {
  readonly stdin?: string | Readable;
  /** Without it, as long as it takes. */
  readonly timeoutSeconds?: number;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/**
 * Runs a command on a node over its one multiplexed connection, opening that first where need be.
 * The arguments are quoted for the node's shell here and nowhere else; secrets belong in stdin.
 * @returns what it printed and its exit code, whatever that is
 * @throws NodeUnavailable when the node cannot be reached, shows another host key, refuses the login, or takes too long
 */
export async function run(endpoint: Endpoint, argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const deadline = options.timeoutSeconds === undefined ? undefined : Date.now() + options.timeoutSeconds * 1000;
  const socket = await openConnection(endpoint, deadline);
  const command = argv.map(quote).join(" ");
  const result = await execute(
    ["-S", socket, "-o", "ControlMaster=no", ...noOtherWay, ...target(endpoint), "--", command],
    {
      stdin: options.stdin,
      deadline,
    },
  );
  if (result === "late")
    throw new NodeUnavailable(endpoint, "unreachable", `no end after ${options.timeoutSeconds ?? 0} s`);
  // 255 is ssh's own failure: the connection broke. Ours never exit with it.
  if (result.code === 255) {
    await closeConnection(endpoint);
    throw new NodeUnavailable(
      endpoint,
      "unreachable",
      `the connection broke: ${result.stderr.trim() || "no reason given"}`,
    );
  }
  return result;
}

/** Ends a node's connection now instead of when it has been idle. */
export async function closeConnection(endpoint: Endpoint): Promise<void> {
  await execute(["-S", socketOf(endpoint), "-O", "exit", ...target(endpoint)], { deadline: Date.now() + 5000 });
}

/** A word of a POSIX shell command. */
export function quote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Seconds that the connection outlives its last use: long enough to join a run's phases, short enough to leave nothing behind. */
const idleSeconds = 15;
/** Without a master the client would dial by itself; it has no key, and its complaint would only mislead. */
const noOtherWay = ["-o", "ProxyCommand=false"];
const target = (endpoint: Endpoint) => ["-p", String(endpoint.port), `${endpoint.user}@${endpoint.address}`];

/** Opens the node's connection unless it is open, and returns its control socket. */
async function openConnection(endpoint: Endpoint, deadline: number | undefined): Promise<string> {
  const socket = socketOf(endpoint);
  const isOpen = async () => {
    const check = await execute(["-S", socket, "-O", "check", ...target(endpoint)], { deadline: Date.now() + 5000 });
    return check !== "late" && check.code === 0;
  };
  if (await isOpen()) return socket;
  // Two masters on one socket: the second would live on, unshared and for ever.
  const release = await lock(socket, {
    realpath: false,
    stale: 15_000,
    retries: { retries: 600, minTimeout: 50, maxTimeout: 100, factor: 1 },
  });
  try {
    if (await isOpen()) return socket;
    rmSync(socket, { force: true });
    await startMaster(endpoint, socket, deadline);
    return socket;
  } finally {
    await release();
  }
}

async function startMaster(endpoint: Endpoint, socket: string, deadline: number | undefined): Promise<void> {
  // The key lies on the disk only until the login is done.
  const directory = mkdtempSync(`${socket}-`);
  try {
    const file = (name: string, text: string) => {
      writeFileSync(join(directory, name), text, { mode: 0o600 });
      return join(directory, name);
    };
    const { address, port, hostKey, privateKey } = endpoint;
    const key = file("key", `${privateKey.trimEnd()}\n`);
    const known = file("known_hosts", `${port === 22 ? address : `[${address}]:${port}`} ${hostKey}\n`);
    const log = file("log", "");
    const connectSeconds =
      deadline === undefined ? 10 : Math.max(1, Math.min(10, Math.floor((deadline - Date.now()) / 1000)));
    const options = {
      IdentityFile: key,
      IdentitiesOnly: "yes",
      IdentityAgent: "none",
      PreferredAuthentications: "publickey",
      UserKnownHostsFile: known,
      GlobalKnownHostsFile: "/dev/null",
      StrictHostKeyChecking: "yes",
      HostKeyAlgorithms: "ssh-ed25519",
      UpdateHostKeys: "no",
      ConnectTimeout: String(connectSeconds),
      // A node without power is noticed within 15 s.
      ServerAliveInterval: "5",
      ServerAliveCountMax: "3",
      ControlMaster: "yes",
      ControlPersist: String(idleSeconds),
      ControlPath: socket,
    };
    const argv = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    // -f: back only once logged in. Nothing of ours is inherited by the process that stays: whoever waits for the end
    // of our output (Pulumi's command provider does) would wait for its end too.
    const result = await execute([...argv, "-E", log, "-f", "-N", ...target(endpoint)], { deadline, detached: true });
    if (result === "late") throw new NodeUnavailable(endpoint, "unreachable", "no answer in time");
    if (result.code !== 0) throw explainFailure(endpoint, readFileSync(log, "utf8"));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function socketOf(endpoint: Endpoint): string {
  const { address, port, user, hostKey, privateKey } = endpoint;
  const identity = createHash("sha256")
    .update(JSON.stringify([address, port, user, hostKey, privateKey]))
    .digest("hex");
  return join(runtimeDirectory(), identity.slice(0, 12));
}

/** A directory that only this user can enter, short enough for a socket's path (104 bytes on macOS). */
function runtimeDirectory(): string {
  const { uid } = userInfo();
  const directory = join(process.env.XDG_RUNTIME_DIR ?? tmpdir(), `bramble-${uid}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const status = lstatSync(directory);
  if (!status.isDirectory() || status.uid !== uid)
    throw new UserError({
      what: "is not a directory of yours; SSH connections would not be private in it",
      where: directory,
      next: "remove it, or set XDG_RUNTIME_DIR to a directory that only you can enter",
    });
  if ((status.mode & 0o077) !== 0) chmodSync(directory, 0o700);
  return directory;
}

interface Execution {
  readonly stdin?: string | Readable | undefined;
  /** Unix time in milliseconds at which the client is killed. */
  readonly deadline: number | undefined;
  /** Shares none of our streams with the client, nor with what it leaves running. */
  readonly detached?: boolean;
}

/** Runs the OpenSSH client with nobody's configuration; "late" when the deadline came first. */
function execute(argv: readonly string[], { stdin, deadline, detached }: Execution): Promise<RunResult | "late"> {
  return new Promise((resolve, reject) => {
    const child = spawn("ssh", ["-F", "/dev/null", "-T", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", ...argv], {
      stdio: detached === true ? "ignore" : "pipe",
      env: { ...process.env, LC_ALL: "C" },
    });
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    for (const name of ["stdout", "stderr"] as const)
      child[name]?.on("data", (data: Buffer) => output[name].push(data));
    let late = false;
    const giveUp = () => {
      late = true;
      child.kill("SIGKILL");
      // What it started may live on with our pipes in hand.
      child.stdout?.destroy();
      child.stderr?.destroy();
    };
    const timer = deadline === undefined ? undefined : setTimeout(giveUp, Math.max(0, deadline - Date.now()));
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(error.code === "ENOENT" ? noClient() : error);
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      const text = (name: "stdout" | "stderr") => Buffer.concat(output[name]).toString("utf8");
      resolve(late ? "late" : { stdout: text("stdout"), stderr: text("stderr"), code: code ?? 255 });
    });
    // A command that ends early closes its stdin; its exit code tells more than EPIPE.
    child.stdin?.on("error", () => undefined);
    if (stdin === undefined || typeof stdin === "string") child.stdin?.end(stdin ?? "");
    else if (child.stdin !== null) {
      stdin.on("error", (error) => {
        child.kill("SIGKILL");
        reject(error);
      });
      stdin.pipe(child.stdin);
    }
  });
}

function noClient(): UserError {
  return new UserError({
    what: "there is no ssh on this machine",
    next: "install the OpenSSH client (Debian: openssh-client)",
  });
}
