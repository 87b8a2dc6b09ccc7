import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { $ } from "zx";
import { root } from "../../../stacks/root.ts";
import { pulumi } from "../pulumi.ts";
import type { Manifest } from "./manifest.ts";

/** What the results were collected with: this checkout and its tools. */
export type Provenance = Pick<Manifest, "source" | "tools">;

export async function readProvenance(): Promise<Provenance> {
  const git = $({ cwd: root, quiet: true, nothrow: true });
  const [commit, status, bramble, cli] = await Promise.all([
    git`git rev-parse HEAD`,
    git`git status --porcelain`,
    readFile(join(root, "package.json"), "utf8"),
    pulumi(["version"], { allowFailure: true }),
  ]);
  return {
    source: commit.exitCode === 0 ? { commit: commit.stdout.trim(), dirty: status.stdout.trim() !== "" } : null,
    tools: {
      bramble: z.object({ version: z.string() }).parse(JSON.parse(bramble)).version,
      node: process.version,
      pulumi: cli.code === 0 ? cli.stdout.trim() : null,
    },
  };
}
