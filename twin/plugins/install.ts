import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { quote } from "../../stacks/remote/connection.ts";
import { commandVersion, kubernetesVersion, pulumiVersion } from "./versions.ts";

interface Plugin {
  directory: string;
  binary: string;
  program: string;
}

const plugins: Plugin[] = [
  { directory: `language-nodejs-v${pulumiVersion}`, binary: "pulumi-language-nodejs", program: "language-host.ts" },
  {
    directory: `resource-command-v${commandVersion}`,
    binary: "pulumi-resource-command",
    program: "command-provider.ts",
  },
  {
    directory: `resource-kubernetes-v${kubernetesVersion}`,
    binary: "pulumi-resource-kubernetes",
    program: "kubernetes-provider.ts",
  },
];

const mark = "# An offline Pulumi plugin of Bramble: see twin/plugins.";

/**
 * Places the offline plugins where the Pulumi engine looks for downloaded ones. A real plugin that is already there stays.
 * Running it again, or twice at once, changes nothing.
 * @param pulumiHome the directory that PULUMI_HOME names
 * @returns one line per plugin for people: what stands in for what
 */
export async function installOfflinePlugins(pulumiHome: string): Promise<string[]> {
  return Promise.all(plugins.map((plugin) => install(join(pulumiHome, "plugins"), plugin)));
}

async function install(pluginsDirectory: string, { directory, binary, program }: Plugin): Promise<string> {
  const target = join(pluginsDirectory, directory, binary);
  if (existsSync(target) && !(await isOurs(target))) return `${directory}: the real plugin is installed and is used`;
  await mkdir(join(pluginsDirectory, directory), { recursive: true });
  const launcher = renderLauncher(join(import.meta.dirname, program));
  if (!existsSync(target) || (await readFile(target, "utf8")) !== launcher) {
    // Written beside and renamed: an engine that starts meanwhile sees the old launcher or the new one, never half of it.
    const draft = `${target}.${randomUUID()}`;
    await writeFile(draft, launcher);
    await chmod(draft, 0o755);
    await rename(draft, target);
  }
  // What a broken download leaves beside the directory makes the engine ignore it (sdk/go/common/workspace/plugins.go).
  await rm(join(pluginsDirectory, `${directory}.partial`), { force: true });
  return `${directory}: the offline plugin twin/plugins/${program} stands in for Pulumi's ${binary}`;
}

async function isOurs(path: string): Promise<boolean> {
  return (await readFile(path)).subarray(0, 1000).toString("latin1").includes(mark);
}

function renderLauncher(program: string): string {
  return `#!/bin/sh\n${mark}\nexec ${quote(process.execPath)} ${quote(program)} "$@"\n`;
}
