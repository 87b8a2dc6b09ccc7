import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeProcesses } from "./node-processes.ts";
import type { Twin } from "./twin.ts";

/** SSH connections that break, done to a twin: for tests. A cable that is pulled is in faults.ts. */

/**
 * Ends every SSH connection to the node at once, as a router that restarts would; sshd itself goes on and takes new ones.
 * @returns how many sessions were ended
 */
export async function dropConnections(twin: Twin, node: string): Promise<number> {
  const processes = await nodeProcesses(twin, node);
  // sshd names its processes: the listener by its path ("sshd: /usr/sbin/sshd -D [listener] ..."), sessions by their user.
  const sessions = processes.filter(({ command }) => /^sshd: (?!\/)/.test(command));
  for (const { pid } of sessions)
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself in the meantime.
    }
  return sessions.length;
}

/** Bytes that have gone over a node's network card since it was powered on. */
export async function trafficOf(twin: Twin, node: string): Promise<{ toNode: number; fromNode: number }> {
  for (const { pid } of await nodeProcesses(twin, node)) {
    const table = await readFile(`/proc/${pid}/net/dev`, "utf8").catch(() => "");
    const fields = /^\s*eth0:\s*(.*)$/m.exec(table)?.[1]?.split(/\s+/).map(Number);
    // proc_pid_net(5): eight figures of what came in, eight of what went out, bytes first.
    if (fields !== undefined) return { toNode: fields[0] ?? 0, fromNode: fields[8] ?? 0 };
  }
  throw new Error(`${node} has no network card: it is off`);
}

/**
 * Waits until so many more bytes have gone to or from the node, then drops its connections.
 * @returns the bytes that had gone by then; undefined when `signal` ended the wait before
 */
export async function dropConnectionsAfter(
  twin: Twin,
  node: string,
  wanted: { readonly direction: "toNode" | "fromNode"; readonly bytes: number; readonly signal: AbortSignal },
): Promise<number | undefined> {
  const start = (await trafficOf(twin, node))[wanted.direction];
  while (!wanted.signal.aborted) {
    const gone = (await trafficOf(twin, node))[wanted.direction] - start;
    if (gone >= wanted.bytes) {
      await dropConnections(twin, node);
      return gone;
    }
    await sleep(5);
  }
  return undefined;
}
