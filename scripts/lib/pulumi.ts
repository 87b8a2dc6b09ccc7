import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { $ } from "zx";
import { isRunning } from "../../stacks/is-running.ts";
import { root, stateDirectory } from "../../stacks/root.ts";
import { UserError } from "../../stacks/user-error.ts";
import { pulumiCli } from "./toolchain.ts";

/**
 * Where Pulumi keeps its plugins, state and passphrase: in this checkout, so that the user's own Pulumi home is never
 * touched. A backend or passphrase that the environment names wins: that is how a real site's state lives elsewhere.
 */
export function pulumiEnvironment(): Record<string, string> {
  const given = process.env;
  const environment: Record<string, string> = {
    PULUMI_HOME: pulumiHome,
    PULUMI_BACKEND_URL: given.PULUMI_BACKEND_URL ?? `file://${join(stateDirectory, "state")}`,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_IGNORE_AMBIENT_PLUGINS: "1",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    // An update starts a program for each phase of each node: with its code compiled already it starts in half the time.
    NODE_COMPILE_CACHE: join(stateDirectory, "compiled"),
  };
  const stateDir = environment.PULUMI_BACKEND_URL?.startsWith("file://")
    ? fileURLToPath(environment.PULUMI_BACKEND_URL)
    : undefined;
  if (stateDir !== undefined) mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  if (given.PULUMI_CONFIG_PASSPHRASE === undefined && given.PULUMI_CONFIG_PASSPHRASE_FILE === undefined)
    environment.PULUMI_CONFIG_PASSPHRASE_FILE = passphraseFile();
  return environment;
}

/** The project's own Pulumi home, which holds plugins only. */
export const pulumiHome = join(stateDirectory, "pulumi");

function passphraseFile(): string {
  const file = join(stateDirectory, "passphrase");
  if (!existsSync(file)) {
    mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
    writeFileSync(file, randomBytes(32).toString("base64"), { mode: 0o600 });
  }
  return file;
}

/**
 * Runs the Pulumi CLI in the project's root. What it prints is returned, or goes to the terminal with `show`. It reads `input`, or
 * with `ask` what this process is given: a person's answers, or a secret through a pipe.
 */
export async function pulumi(
  args: readonly string[],
  options: { input?: string; show?: boolean; ask?: boolean; allowFailure?: boolean; signal?: AbortSignal } = {},
): Promise<{ stdout: string; stderr: string; code: number }> {
  const cli = await pulumiCli();
  const result = await $({
    cwd: root,
    env: { ...process.env, ...pulumiEnvironment() },
    input: options.input ?? "",
    nothrow: true,
    quiet: true,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.show === true
      ? { stdio: [options.ask === true ? "inherit" : "pipe", "inherit", "inherit"] as const }
      : {}),
  })`${cli} ${args}`;
  const code = result.exitCode ?? 1;
  if (code !== 0 && options.allowFailure !== true)
    throw new UserError({
      what: `pulumi ${args.slice(0, 2).join(" ")} failed (exit code ${code})${options.show === true ? ", see its message above" : `\n${(result.stderr + result.stdout).trim()}`}`,
      next: "mend what it names and run the same command again: it goes on where it stopped",
    });
  return { stdout: result.stdout, stderr: result.stderr, code };
}

/** Names of the stacks that the backend holds. */
export async function stackNames(): Promise<string[]> {
  const { stdout } = await pulumi(["stack", "ls", "--json"]);
  return z
    .array(z.object({ name: z.string() }))
    .parse(JSON.parse(stdout))
    .map(({ name }) => name.split("/").at(-1) ?? name);
}

/** @throws UserError when the backend holds no stack of this name */
export async function requireStack(stack: string): Promise<void> {
  if ((await stackNames()).includes(stack)) return;
  throw new UserError({
    what: "there is no such stack",
    where: `stack ${stack}`,
    next: `create it: npm run pulumi -- stack init ${stack}, then describe it in Pulumi.${stack}.yaml`,
  });
}

/** A stack's outputs, secrets in clear. */
export async function stackOutputs(stack: string): Promise<Record<string, unknown>> {
  const { stdout } = await pulumi(["stack", "output", "--json", "--show-secrets", "--stack", stack]);
  return z.record(z.string(), z.unknown()).parse(JSON.parse(stdout));
}

/** A stack's configuration under `bramble:`, secrets in clear, objects parsed. */
export async function stackConfiguration(stack: string): Promise<Record<string, unknown>> {
  const { stdout } = await pulumi(["config", "--json", "--show-secrets", "--stack", stack]);
  const values = z
    .record(z.string(), z.object({ value: z.string().optional(), objectValue: z.unknown().optional() }))
    .parse(JSON.parse(stdout));
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, { value, objectValue }]) =>
      key.startsWith("bramble:") ? [[key.slice("bramble:".length), objectValue ?? value]] : [],
    ),
  );
}

/**
 * Clears the stack's lock in a file:// backend when the process that took it is gone, as after a kill -9.
 * Returns a line to print when it did. A living owner's lock stays, and Pulumi refuses by itself.
 */
export async function clearStaleLock(stack: string): Promise<string | undefined> {
  const backend = pulumiEnvironment().PULUMI_BACKEND_URL ?? "";
  if (!backend.startsWith("file://")) return undefined;
  const owners = deadOwners(join(fileURLToPath(backend), ".pulumi", "locks", "organization", "bramble", stack));
  if (owners.length === 0) return undefined;
  await pulumi(["cancel", "--yes", "--stack", stack]);
  return `${stack}: cleared the state lock of process ${owners.join(", ")}, which is gone`;
}

const lockSchema = z.object({ pid: z.int(), hostname: z.string() });

/** The processes that hold a stack's lock, if none of them runs any more; none where one may, here or on another machine. */
export function deadOwners(locks: string): number[] {
  if (!existsSync(locks)) return [];
  // Beside each lock the backend keeps a file of attributes.
  const files = readdirSync(locks).filter((name) => name.endsWith(".json"));
  const owners = files.map((name) => lockSchema.parse(JSON.parse(readFileSync(join(locks, name), "utf8"))));
  const dead = owners.every((owner) => owner.hostname === hostname() && !isRunning(owner.pid));
  return dead ? owners.map(({ pid }) => pid) : [];
}
