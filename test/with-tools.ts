import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import test, { type Implementation } from "ava";

/** A test that needs commands or Python modules (`python3:yaml`); where one is missing it is skipped, and its title says why. */
export function testWithTools(tools: readonly string[], title: string, implementation: Implementation<[]>): void {
  const missing = missingTools(tools);
  if (missing.length === 0) test(title, implementation);
  else test.skip(`${title} (skipped: ${missing.join(", ")} not installed)`, implementation);
}

/** Those of `tools` that are not here: for hooks, which run even where all tests of a file are skipped. */
export function missingTools(tools: readonly string[]): string[] {
  return tools.filter((tool) => !isThere(tool));
}

function isThere(tool: string): boolean {
  const [command = "", module] = tool.split(":");
  if (module !== undefined) return spawnSync(command, ["-c", `import ${module}`]).status === 0;
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => existsSync(join(folder, command)));
}
