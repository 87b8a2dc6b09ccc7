import { accessSync, constants, existsSync } from "node:fs";
import { mkdir, readFile, readdir, statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { $ } from "zx";
import { stateDirectory } from "../stacks/root.ts";
import { UserError } from "../stacks/user-error.ts";
import { cacheDirectory } from "../stacks/cache-directory.ts";
import { isUnified } from "./cgroup.ts";
import type { Progress } from "./progress.ts";

/** Something that keeps the twin from running on this machine. */
export interface Problem {
  readonly what: string;
  readonly next: string;
}

const gibibyte = 1024 ** 3;
const neededMemory = 6 * gibibyte;
// What lies in the cache when it is full, and what a twin of two nodes adds.
const neededDisk = { cache: 8 * gibibyte, state: 5 * gibibyte };
const neededGo = [1, 25] as const;

/**
 * The Debian packages that the twin needs on this machine. None of them starts a daemon (servers come by
 * debian-programs.ts, uninstalled).
 */
const neededPackages = [
  // The base image and its cards
  ...["mmdebstrap", "mtools", "dosfstools", "e2fsprogs"],
  // Nodes: nspawn, control groups, loop devices, links, SSH
  ...["systemd-container", "util-linux", "mount", "iproute2", "openssh-client"],
  // The shell of the Ollama image
  "busybox-static",
  // Go builds with C in them (Ollama), and their headers
  ...["gcc", "g++", "libc6-dev", "nlohmann-json3-dev", "libstb-dev"],
  // The model's download
  ...["python3", "python3-pip"],
] as const;

/** All that keeps the twin from running here, each with what to do about it; empty where it can run. */
export async function checkRequirements(): Promise<Problem[]> {
  // Everything else would only repeat this.
  if (process.platform !== "linux") {
    return [
      {
        what: `the twin needs Linux, and this is ${process.platform}`,
        next: "run it on a Debian 12 machine, a virtual one for instance",
      },
    ];
  }
  const problems = [
    checkRoot(),
    await checkDebian(),
    await checkGo(),
    await checkPython(),
    await checkDisk(),
    checkMemory(),
    checkLoop(),
    await checkCgroups(),
    await checkFileSystems(),
  ];
  return problems.filter((problem) => problem !== undefined);
}

function checkRoot(): Problem | undefined {
  if (process.getuid?.() === 0) return undefined;
  return { what: "the twin needs root: it mounts images and boots nodes", next: "run the same command as root" };
}

async function checkDebian(): Promise<Problem | undefined> {
  if ((await output("apt-get", "--version")) !== undefined) return undefined;
  return { what: "there is no apt-get", next: "run the twin on Debian 12" };
}

async function checkGo(): Promise<Problem | undefined> {
  const version = parseGoVersion((await output("go", "version")) ?? "");
  const wanted = neededGo.join(".");
  if (version === undefined) {
    return { what: `there is no Go`, next: `install Go ${wanted} or later and put its go command on PATH` };
  }
  if (version[0] > neededGo[0] || (version[0] === neededGo[0] && version[1] >= neededGo[1])) return undefined;
  return { what: `Go is ${version.join(".")}, too old`, next: `put Go ${wanted} or later first on PATH` };
}

/** Major and minor of what `go version` prints. */
export function parseGoVersion(text: string): readonly [number, number] | undefined {
  const match = /\bgo(\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

async function checkPython(): Promise<Problem | undefined> {
  if ((await output("python3", "--version")) === undefined) {
    return (await isInstallable()) ? undefined : { what: "there is no python3", next: "install Python 3.11 or later" };
  }
  if ((await output("python3", "-m", "pip", "--version")) !== undefined) return undefined;
  return (await isInstallable()) ? undefined : { what: "python3 has no pip", next: "install pip for it" };
}

/** `installDebianPackages` brings what is missing, where it can: then its absence is no problem. */
async function isInstallable(): Promise<boolean> {
  return process.getuid?.() === 0 && (await output("apt-get", "--version")) !== undefined;
}

async function checkDisk(): Promise<Problem | undefined> {
  const places = [
    { path: cacheDirectory(), needed: neededDisk.cache },
    { path: stateDirectory, needed: neededDisk.state },
  ];
  const free = await Promise.all(places.map(({ path }) => freeSpace(path)));
  const used = await diskUse(cacheDirectory());
  for (const [index, { path, needed }] of places.entries()) {
    const sharing = places.filter((_, other) => free[other]?.device === free[index]?.device);
    const wanted = sharing.reduce((sum, place) => sum + place.needed, 0) - used;
    const bytes = free[index]?.bytes ?? needed;
    if (bytes < wanted) {
      return {
        what: `${format(bytes)} of disk are free at ${path}, the twin needs ${format(wanted)}`,
        next: "free some, or move the cache with XDG_CACHE_HOME",
      };
    }
  }
  return undefined;
}

/** What the cache holds already needs no more room. Bytes. */
async function diskUse(path: string): Promise<number> {
  const shown = await output("du", "--summarize", "--block-size=1", path);
  return Number(shown?.split("\t")[0] ?? 0);
}

async function freeSpace(path: string): Promise<{ bytes: number; device: string }> {
  await mkdir(path, { recursive: true });
  const { bavail, bsize } = await statfs(path);
  const device = (await output("stat", "--format=%d", path)) ?? path;
  return { bytes: bavail * bsize, device };
}

function checkMemory(): Problem | undefined {
  if (totalmem() >= neededMemory) return undefined;
  return {
    what: `this machine has ${format(totalmem())} of memory, the twin needs ${format(neededMemory)}`,
    next: "use a larger machine",
  };
}

function format(bytes: number): string {
  return `${(bytes / gibibyte).toFixed(1)} GiB`;
}

function checkLoop(): Problem | undefined {
  if (existsSync("/dev/loop-control")) return undefined;
  return {
    what: "there is no /dev/loop-control, so card images cannot be mounted",
    next: "load the loop module (modprobe loop); in a container, give it the loop devices (docker run --privileged)",
  };
}

async function checkCgroups(): Promise<Problem | undefined> {
  const place = "/sys/fs/cgroup";
  const next = "boot the machine with control groups; in a container, mount them writable (docker run --privileged)";
  const directory = isUnified() ? place : `${place}/memory`;
  if (!existsSync(directory)) return { what: `no memory controller is mounted below ${place}`, next };
  try {
    accessSync(directory, constants.W_OK);
  } catch {
    // Root is refused only where the file system is mounted read-only; others already know that they need root.
    return process.getuid?.() === 0 ? { what: `${directory} is read-only`, next } : undefined;
  }
  if (!isUnified()) return undefined;
  const controllers = (await readFile(`${place}/cgroup.controllers`, "utf8")).trim().split(" ");
  if (controllers.includes("memory")) return undefined;
  return { what: "the kernel's memory controller is off", next: "boot with cgroup_enable=memory" };
}

async function checkFileSystems(): Promise<Problem | undefined> {
  const known = await readFile("/proc/filesystems", "utf8");
  const loadable = await readdir("/lib/modules").catch(() => []);
  for (const name of ["ext4", "overlay"]) {
    // Where there are modules the kernel loads one when it is first used.
    if (!known.includes(`\t${name}\n`) && loadable.length === 0) {
      return { what: `the kernel has no ${name}`, next: "use Debian's own kernel" };
    }
  }
  return undefined;
}

async function output(...command: readonly [string, ...string[]]): Promise<string | undefined> {
  const result = await $({ quiet: true, nothrow: true })`${command}`;
  return result.exitCode === 0 ? result.stdout.trim() : undefined;
}

/**
 * Installs those of the twin's packages, and of `more`, that are missing, in one go. Fetches the package lists only if
 * apt does not know a package without.
 */
export async function installDebianPackages(progress: Progress, more: readonly string[] = []): Promise<void> {
  const missing = await missingPackages([...neededPackages, ...more]);
  if (missing.length === 0) return;
  progress(`installing Debian packages: ${missing.join(" ")}`);
  if (!(await install(missing)).ok) {
    progress("fetching Debian's package lists");
    await $({ quiet: true, nothrow: true })`apt-get update`;
    const { ok, output } = await install(missing);
    if (!ok) {
      throw new UserError({
        what: `apt-get cannot install ${missing.join(" ")}:\n${output}`,
        next: "install them by hand, then run this again",
      });
    }
  }
}

async function missingPackages(needed: readonly string[]): Promise<string[]> {
  const query = ["-W", "-f", "${binary:Package} ${db:Status-Status}\n", ...needed];
  const { stdout } = await $({ quiet: true, nothrow: true })`dpkg-query ${query}`;
  return absentFrom(stdout, needed);
}

/** Those of `needed` that dpkg-query's lines of "package[:architecture] status" do not call installed. */
export function absentFrom(listing: string, needed: readonly string[]): string[] {
  const lines = listing.split("\n").map((line) => line.split(" "));
  const installed = lines.filter(([, status]) => status === "installed").map(([name]) => name?.split(":")[0]);
  return needed.filter((name) => !installed.includes(name));
}

async function install(packages: readonly string[]): Promise<{ ok: boolean; output: string }> {
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = ["--yes", "--quiet", "--no-install-recommends", "--option", "DPkg::Lock::Timeout=300"];
  const result = await $({ quiet: true, nothrow: true, env: environment })`apt-get install ${options} ${packages}`;
  const lines = `${result.stdout}${result.stderr}`.trim().split("\n");
  return { ok: result.exitCode === 0, output: lines.slice(-5).join("\n") };
}
