import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "zx";
import { root } from "../../stacks/root.ts";
import { pulumiEnvironment } from "../lib/pulumi.ts";
import { pulumiCli } from "../lib/toolchain.ts";

/** A Pulumi project whose program does nothing: what `pulumi up` costs by itself. */
export interface EmptyProgram {
  up(): Promise<void>;
  remove(): Promise<void>;
}

export async function createEmptyProgram(): Promise<EmptyProgram> {
  const directory = await mkdtemp(join(tmpdir(), "bramble-empty-program-"));
  const project = join(directory, "project");
  await mkdir(join(directory, "state"), { recursive: true });
  await mkdir(project);
  await symlink(join(root, "node_modules"), join(project, "node_modules"));
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "empty", type: "module" }));
  const runtime = "{name: nodejs, options: {typescript: false, packagemanager: npm}}";
  await writeFile(join(project, "Pulumi.yaml"), `name: empty\nruntime: ${runtime}\nmain: main.ts\n`);
  await writeFile(join(project, "main.ts"), 'import "@pulumi/pulumi";\n');
  const env = { ...process.env, ...pulumiEnvironment(), PULUMI_BACKEND_URL: `file://${join(directory, "state")}` };
  const cli = $({ cwd: project, env, quiet: true });
  const program = await pulumiCli();
  await cli`${program} stack init empty --non-interactive`;
  return {
    async up() {
      await cli`${program} up --stack empty --yes --skip-preview --non-interactive`;
    },
    async remove() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}
