import { readFile } from "node:fs/promises";
import { cpus } from "node:os";

/** Share of this machine's processors that was busy while something ran, 0 to 1; null where there is no /proc/stat. */
export async function busyDuring(work: () => Promise<unknown>): Promise<number | null> {
  const before = await processorTime();
  await work();
  const after = await processorTime();
  if (before === undefined || after === undefined || after.all === before.all) return null;
  return Math.round((1 - (after.idle - before.idle) / (after.all - before.all)) * 100) / 100;
}

export const processors = cpus().length;

/** proc_stat(5), first line: user, nice, system, idle, iowait, ... in ticks since the machine started. */
async function processorTime(): Promise<{ idle: number; all: number } | undefined> {
  const line = /^cpu\s+(.*)$/m.exec(await readFile("/proc/stat", "utf8").catch(() => ""))?.[1];
  if (line === undefined) return undefined;
  const ticks = line.split(/\s+/).map(Number);
  return { idle: (ticks[3] ?? 0) + (ticks[4] ?? 0), all: ticks.slice(0, 8).reduce((sum, tick) => sum + tick, 0) };
}
