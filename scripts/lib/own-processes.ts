import { readdirSync, readFileSync } from "node:fs";

/**
 * Ends every process that this one started and that still belongs to its session, their children included: builds,
 * Pulumi and its plugins. What was started to stay (nodes, a registry, an idle SSH connection) has a session of its own.
 * Does nothing where there is no /proc.
 */
export function endOwnProcesses(signal: NodeJS.Signals): void {
  const all = readProcesses();
  const own = all.find(({ pid }) => pid === process.pid);
  if (own === undefined) return;
  const descendants = new Set([process.pid]);
  // Parents come before their children often, but not always: until nothing is found any more.
  for (let before = 0; before !== descendants.size;) {
    before = descendants.size;
    for (const { pid, parent } of all) if (descendants.has(parent)) descendants.add(pid);
  }
  for (const { pid, session } of all)
    if (pid !== process.pid && descendants.has(pid) && session === own.session)
      try {
        process.kill(pid, signal);
      } catch {
        // It ended by itself meanwhile.
      }
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
}

function readProcesses(): Process[] {
  try {
    return readdirSync("/proc").flatMap((name) => {
      if (!/^\d+$/.test(name)) return [];
      const fields = readStat(name);
      return fields === undefined ? [] : [{ pid: Number(name), ...fields }];
    });
  } catch {
    return [];
  }
}

/** proc_pid_stat(5); the command's name in parentheses may hold anything, so fields are counted from its end. */
function readStat(pid: string): Omit<Process, "pid"> | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [, parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { parent: Number(parent), session: Number(session) };
  } catch {
    return undefined;
  }
}
