import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { $ } from "zx";
import { root } from "../../../stacks/root.ts";
import { pulumi } from "../pulumi.ts";
import type { Manifest } from "./manifest.ts";

/** What the results were collected with: this checkout and its tools. */
export type Provenance = Pick<Manifest, "source" | "tools">;

const packageSchema = z.object({ version: z.string(), dependencies: z.record(z.string(), z.string()) });
/** The SDK has the CLI's version. */
const isProvider = (name: string) => name.startsWith("@pulumi/") && name !== "@pulumi/pulumi";

export async function readProvenance(): Promise<Provenance> {
  const sh = $({ cwd: root, quiet: true, nothrow: true });
  const [commit, status, gitVersion, sshVersion, manifest, cli] = await Promise.all([
    sh`git rev-parse HEAD`,
    sh`git status --porcelain`,
    sh`git --version`,
    sh`ssh -V`,
    readFile(join(root, "package.json"), "utf8"),
    pulumi(["version"], { allowFailure: true }),
  ]);
  const { version, dependencies } = packageSchema.parse(JSON.parse(manifest));
  const said = ({ exitCode, stdout, stderr }: { exitCode: number | null; stdout: string; stderr: string }) =>
    exitCode === 0 ? (stdout + stderr).trim() : null;
  return {
    source: commit.exitCode === 0 ? { commit: commit.stdout.trim(), dirty: status.stdout.trim() !== "" } : null,
    tools: {
      bramble: version,
      node: process.version,
      pulumi: cli.code === 0 ? cli.stdout.trim() : null,
      providers: Object.fromEntries(Object.entries(dependencies).filter(([name]) => isProvider(name))),
      // To stderr, and that with success.
      ssh: said(sshVersion),
      git: said(gitVersion),
    },
  };
}
