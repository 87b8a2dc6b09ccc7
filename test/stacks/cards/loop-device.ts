import { execFileSync, spawnSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import type { ExecutionContext } from "ava";
import { testWithTools } from "../../with-tools.ts";
import test from "ava";

/** A test with a block device of its own, which is let go after it; where there can be none it is skipped, and its title says why. */
export function testWithLoopDevice(
  tools: readonly string[],
  title: string,
  device: { readonly file: string; readonly size: number },
  implementation: (t: ExecutionContext, device: string) => Promise<void>,
): void {
  const why = process.getuid?.() === 0 ? undefined : "needs root";
  const trial = why ?? (spawnSync("losetup", ["--find"]).status === 0 ? undefined : "no loop devices here");
  if (trial !== undefined) {
    test.skip(`${title} (skipped: ${trial})`, () => undefined);
    return;
  }
  testWithTools([...tools, "losetup"], title, async (t) => {
    writeFileSync(device.file, "");
    truncateSync(device.file, device.size);
    const name = execFileSync("losetup", ["--find", "--show", device.file], { encoding: "utf8" }).trim();
    try {
      await implementation(t, name);
    } finally {
      execFileSync("losetup", ["--detach", name]);
    }
  });
}
