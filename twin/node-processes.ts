import { readFile } from "node:fs/promises";
import { processesIn } from "./cgroup.ts";
import { cgroupOf } from "./node.ts";
import type { Twin } from "./twin.ts";

/** A process of a node, as this machine sees it. */
export interface NodeProcess {
  readonly pid: number;
  /** Its command line, arguments joined by blanks; a process that names itself (sshd) shows that name. */
  readonly command: string;
}

/** The processes of a node's system; empty where it is off. Those that keep the node powered are not among them. */
export async function nodeProcesses(twin: Twin, node: string): Promise<NodeProcess[]> {
  const all = await Promise.all(
    (await processesIn(cgroupOf(twin, node))).map(async (pid) => {
      const [status, command] = await Promise.all([
        readFile(`/proc/${pid}/status`, "utf8").catch(() => ""),
        readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""),
      ]);
      // A process of the node has an id in the node's own namespace too.
      const inside = (/^NSpid:\s+(.*)$/m.exec(status)?.[1] ?? "").split(/\s+/).length > 1;
      return inside ? [{ pid, command: command.replaceAll("\0", " ").trim() }] : [];
    }),
  );
  return all.flat();
}
