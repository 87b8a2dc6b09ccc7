import { existsSync, realpathSync } from "node:fs";
import { dirname, extname, join, relative } from "node:path";
import { root, upwardsFrom } from "../root.ts";

/**
 * A program of ours as Pulumi's plugins call it. States keep it, and deletions run from there: it must name no place of one machine,
 * and stay the same when an installed package is replaced by another version.
 * @param program its path below stacks/, and arguments
 */
export function programPath(program: string): string {
  const stacks = dirname(import.meta.dirname);
  // Plugins start where the stack's program does: for this project that is stacks/, by `main` in Pulumi.yaml.
  if (dirname(stacks) === root) return program;
  // eslint-disable-next-line no-restricted-syntax
  const directory = installedBelow(stacks, process.cwd());
  return join(directory, program.replace(".ts", extname(import.meta.filename)));
}

/**
 * @param stacks where our programs lie
 * @returns the same, from the working directory, as that finds the package: pnpm, workspaces and `npm link` make links of packages,
 *   to places that change with their version or machine
 */
export function installedBelow(stacks: string, workingDirectory: string): string {
  const found = upwardsFrom(workingDirectory)
    .map((directory) => join(directory, "node_modules", "bramble", "dist", "stacks"))
    .find((candidate) => existsSync(candidate) && realpathSync(candidate) === stacks);
  return relative(workingDirectory, found ?? stacks);
}
