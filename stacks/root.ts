import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The root of the Pulumi project that is at work, with its results, bundles, locked models and stack files: this checkout, or,
 * where Bramble is a package of another project, that one. Pulumi runs this project's program with stacks/ as its working
 * directory, and others' wherever they have it, so nothing here may rely on that.
 */
// eslint-disable-next-line no-restricted-syntax
export const root = projectRoot(dirname(import.meta.dirname), process.cwd());

/** What a project keeps between commands: Pulumi's home and state, twins. Never committed. */
export const stateDirectory = join(root, ".bramble");

/**
 * @param home what stacks/ lies in: a checkout, or dist/ of the installed package
 * @returns `home` if it is a project, else the nearest one around the working directory, else that directory
 */
export function projectRoot(home: string, workingDirectory: string): string {
  const isProject = (directory: string) =>
    ["Pulumi.yaml", "Pulumi.yml", "Pulumi.json"].some((name) => existsSync(join(directory, name)));
  return [home, ...upwardsFrom(workingDirectory)].find(isProject) ?? workingDirectory;
}

/** A directory and those that it lies in, from the inside out. */
export function upwardsFrom(directory: string): string[] {
  const parent = dirname(directory);
  return [directory, ...(parent === directory ? [] : upwardsFrom(parent))];
}
