import { spawn } from "node:child_process";
import { existsSync, openSync, closeSync } from "node:fs";
import { mkdir, readFile, readdir, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Control groups are how the twin keeps hold of its processes: a group of its own for each node and server, found again by
 * name after any crash, with no pid file that could be stale. Works with cgroup v1 (a directory in every mounted
 * hierarchy) and v2 (one directory).
 */

const mountPoint = "/sys/fs/cgroup";

/** True where the kernel's control groups are mounted as the single, unified hierarchy. */
export function isUnified(): boolean {
  return existsSync(join(mountPoint, "cgroup.controllers"));
}

/** The mounted hierarchies: v1 has one per controller (name=systemd and "unified" included), v2 is one. */
async function hierarchies(): Promise<string[]> {
  if (isUnified()) return [mountPoint];
  const entries = await readdir(mountPoint, { withFileTypes: true });
  // Symbolic links such as cpu -> cpu,cpuacct name the same hierarchy twice.
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(mountPoint, entry.name));
}

/** Where the group of this name is or would be: a directory in each hierarchy. */
export async function cgroupDirectories(name: string): Promise<string[]> {
  return (await hierarchies()).map((hierarchy) => join(hierarchy, name));
}

async function directoriesOf(name: string): Promise<string[]> {
  return (await cgroupDirectories(name)).filter((path) => existsSync(path));
}

/** The names of all groups that begin with `prefix`. */
export async function listCgroups(prefix: string): Promise<string[]> {
  const names = new Set<string>();
  for (const hierarchy of await hierarchies()) {
    for (const entry of await readdir(hierarchy)) if (entry.startsWith(prefix)) names.add(entry);
  }
  return [...names].sort();
}

/** Makes the group in every hierarchy, limited to `memoryBytes` (page cache included) if given. */
async function createCgroup(name: string, memoryBytes?: number): Promise<void> {
  if (isUnified()) {
    // Without these the node would have no memory controller to give to its pods. Each is asked for by itself: a
    // kernel without one of them must not cost the others.
    for (const controller of ["cpuset", "cpu", "io", "memory", "pids"]) {
      await writeFile(join(mountPoint, "cgroup.subtree_control"), `+${controller}`).catch(() => undefined);
    }
  }
  for (const hierarchy of await hierarchies()) {
    const directory = join(hierarchy, name);
    await mkdir(directory, { recursive: true });
    // A v1 cpuset takes no process before it has been told its processors and memory nodes.
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      if (!isUnified() && existsSync(join(directory, file))) {
        await writeFile(join(directory, file), await readFile(join(hierarchy, file)));
      }
    }
    if (!isUnified() && existsSync(join(directory, "cgroup.clone_children"))) {
      await writeFile(join(directory, "cgroup.clone_children"), "1");
    }
    for (const file of ["memory.limit_in_bytes", "memory.max"]) {
      if (memoryBytes !== undefined && existsSync(join(directory, file))) {
        await writeFile(join(directory, file), String(memoryBytes));
      }
    }
  }
  if (isUnified()) {
    // A v2 group holds processes or groups, never both: the processes that keep a node go into one of their own.
    await mkdir(join(mountPoint, name, "keeper"), { recursive: true });
    const controllers = (await readFile(join(mountPoint, name, "cgroup.controllers"), "utf8")).trim();
    const request = controllers.split(/\s+/).filter(Boolean);
    await writeFile(join(mountPoint, name, "cgroup.subtree_control"), request.map((it) => `+${it}`).join(" "));
  }
}

export interface Start {
  readonly cgroup: string;
  readonly command: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
  /** File that takes the output of the command; written anew. */
  readonly log: string;
  readonly memoryBytes?: number;
}

/** Starts a command in a group of its own, detached from this process. It is in the group when this returns. */
export async function startInCgroup(start: Start): Promise<void> {
  await createCgroup(start.cgroup, start.memoryBytes);
  const entrances = isUnified() ? [join(mountPoint, start.cgroup, "keeper")] : await directoriesOf(start.cgroup);
  const log = openSync(start.log, "w", 0o600);
  try {
    // The shell enters the groups before it becomes the command, so nothing of it is ever outside.
    const enter =
      'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1/cgroup.procs"; shift; n=$((n-1)); done; exec "$@"';
    const child = spawn("sh", ["-ec", enter, "sh", String(entrances.length), ...entrances, ...start.command], {
      detached: true,
      stdio: ["ignore", log, log],
      cwd: "/",
      env: {
        PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        LC_ALL: "C.UTF-8",
        ...start.environment,
      },
    });
    await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    while (child.exitCode === null && (await processesIn(start.cgroup)).length === 0) await sleep(10);
    child.unref();
  } finally {
    closeSync(log);
  }
}

/** The ids of all processes in the group and in the groups below it. */
export async function processesIn(name: string): Promise<number[]> {
  const found = new Set<number>();
  const visit = async (directory: string): Promise<void> => {
    // Groups come and go while this reads them.
    const processes = await readFile(join(directory, "cgroup.procs"), "utf8").catch(() => "");
    for (const line of processes.split("\n")) if (line !== "") found.add(Number(line));
    for (const child of await groupsBelow(directory)) await visit(child);
  };
  for (const directory of await directoriesOf(name)) await visit(directory);
  return [...found].sort((a, b) => a - b);
}

async function groupsBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(directory, entry.name));
}

/** Stops every process of the group where it stands, or lets them go on. Returns when they all do. */
export async function setFrozen(name: string, frozen: boolean): Promise<void> {
  const directory = isUnified() ? join(mountPoint, name) : join(mountPoint, "freezer", name);
  if (!existsSync(directory)) return;
  if (isUnified()) {
    await writeFile(join(directory, "cgroup.freeze"), frozen ? "1" : "0");
    const wanted = `frozen ${frozen ? "1" : "0"}`;
    while (!(await readFile(join(directory, "cgroup.events"), "utf8")).includes(wanted)) await sleep(5);
  } else {
    const wanted = frozen ? "FROZEN" : "THAWED";
    await writeFile(join(directory, "freezer.state"), wanted);
    while ((await readFile(join(directory, "freezer.state"), "utf8")).trim() !== wanted) await sleep(5);
  }
}

/** Kills every process of the group at once and removes the group. Nothing happens if there is none. */
export async function killCgroup(name: string): Promise<void> {
  // A frozen v1 group takes the signal only when it thaws; killing before thawing lets nothing run in between. Again and
  // again, since a process may have started another one just before it was killed.
  for (let processes = await processesIn(name); processes.length > 0; processes = await processesIn(name)) {
    for (const pid of processes) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself in the meantime.
      }
    }
    await setFrozen(name, false);
    await sleep(20);
  }
  for (const directory of await directoriesOf(name)) await removeGroup(directory);
}

async function removeGroup(directory: string): Promise<void> {
  for (const child of await groupsBelow(directory)) await removeGroup(child);
  for (let attempt = 0; existsSync(directory); attempt += 1) {
    try {
      await rmdir(directory);
    } catch (error) {
      // The kernel lets go of the last process of a group a moment after it is gone.
      if (attempt === 100) throw error;
      await sleep(20);
    }
  }
}
