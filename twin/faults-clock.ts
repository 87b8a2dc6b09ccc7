import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rootOf } from "./node.ts";
import type { Twin } from "./twin.ts";

/** Clocks that go wrong. A container shares its host's clock, so this is injected into what reads it: for tests. */

/**
 * Makes the node's Python say another time: `time.time()` is off by so many seconds in every Python that starts from now
 * on, which is what the probe reads. Everything else of the node keeps the right time. Undone by `setClockRight`.
 */
export async function skewClock(twin: Twin, node: string, seconds: number): Promise<void> {
  // A line of a .pth file that begins with "import" is run when Python starts, isolated mode (-I) included (site, Python's docs).
  const line = `import time; time.time = lambda right=time.time: right() + ${seconds}\n`;
  await writeFile(await hook(twin, node), line);
}

/** Undoes `skewClock`. */
export async function setClockRight(twin: Twin, node: string): Promise<void> {
  await rm(await hook(twin, node), { force: true });
}

async function hook(twin: Twin, node: string): Promise<string> {
  return join(await rootOf(twin, node), "usr/lib/python3/dist-packages/skewed-clock.pth");
}
