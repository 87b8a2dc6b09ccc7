import { spawn } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { UserError } from "../user-error.ts";

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

export interface Execution {
  readonly stdin?: string | Readable | undefined;
  /** Takes what the command prints instead of the result. Where it fails, so does this. */
  readonly stdout?: Writable | undefined;
  /** Unix time in milliseconds at which the client is killed. */
  readonly deadline: number | undefined;
  /** Shares none of our streams and no terminal with the client, nor with what it leaves running. */
  readonly detached?: boolean;
}

/**
 * Runs the OpenSSH client with nobody's configuration, in the runtime directory: sockets and files are named relative to it,
 * so neither what its path holds nor how long it is matters. "late" when the deadline came first.
 */
export function execute(argv: readonly string[], execution: Execution): Promise<RunResult | "late"> {
  const { stdin, stdout, deadline, detached = false } = execution;
  return new Promise((resolve, reject) => {
    const child = spawn("ssh", argv, {
      cwd: runtimeDirectory(),
      stdio: detached ? "ignore" : "pipe",
      detached,
      // The shell runs the client's ProxyCommand.
      env: { ...process.env, LC_ALL: "C", SHELL: "/bin/sh" },
    });
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    for (const name of ["stdout", "stderr"] as const)
      if (name === "stderr" || stdout === undefined) child[name]?.on("data", (data: Buffer) => output[name].push(data));
    if (stdout !== undefined) {
      child.stdout?.pipe(stdout, { end: false });
      stdout.on("error", (error) => {
        child.kill("SIGKILL");
        // What it started may live on with our pipes in hand.
        child.stdout?.destroy();
        child.stderr?.destroy();
        reject(error);
      });
    }
    let late = false;
    const giveUp = () => {
      late = true;
      // The client for the bastion is a child of its own.
      if (detached && child.pid !== undefined) endGroup(child.pid);
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
    const finish = (code: number | null) => {
      clearTimeout(timer);
      const text = (name: "stdout" | "stderr") => Buffer.concat(output[name]).toString("utf8");
      resolve(late ? "late" : { stdout: text("stdout"), stderr: text("stderr"), code: code ?? 255 });
    };
    child.on("close", (code) => {
      // What it printed last may still be on its way there.
      if (stdout === undefined || stdout.destroyed) finish(code);
      else
        stdout.write(Buffer.alloc(0), () => {
          finish(code);
        });
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

/** A directory that only this user can enter: whoever can use a connection's socket is logged in. */
export function runtimeDirectory(): string {
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

function endGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function noClient(): UserError {
  return new UserError({
    what: "there is no ssh on this machine",
    next: "install the OpenSSH client (Debian: openssh-client)",
  });
}
