import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { $ } from "zx";
import { root } from "../stacks/root.ts";
import { runMain } from "./lib/main.ts";

/** What the package is made of; the last holds the reader of results. */
const sources = ["stacks", "workloads", join("scripts", "lib", "results")];

// Writes dist/, which `npm pack` takes: JavaScript, since Node runs no TypeScript below node_modules, its declarations, and beside
// them whatever else the code reads from its own directory.
await runMain(async () => {
  const dist = join(root, "dist");
  await rm(dist, { recursive: true, force: true });
  const compiled = await $({
    cwd: root,
    nothrow: true,
  })`${join(root, "node_modules", ".bin", "tsc")} -p tsconfig.build.json`;
  if (compiled.exitCode !== 0) return 1;
  for (const directory of sources)
    await cp(join(root, directory), join(dist, directory), {
      recursive: true,
      filter: (path) => !path.endsWith(".ts"),
    });
  return 0;
});
