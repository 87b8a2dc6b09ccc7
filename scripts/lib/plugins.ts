import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { $ } from "zx";
import { installOfflinePlugins } from "../../twin/plugins/install.ts";
import { commandVersion, kubernetesVersion } from "../../twin/plugins/versions.ts";
import { pulumiEnvironment, pulumiHome } from "./pulumi.ts";
import { pulumiCli } from "./toolchain.ts";

/** The provider plugins that the program's packages ask for. */
const providers = [
  { name: "command", version: commandVersion },
  { name: "kubernetes", version: kubernetesVersion },
];

/**
 * Puts the plugins into the project's Pulumi home: Pulumi's own downloads, or, where these fail or the CLI came without
 * its language host, the offline plugins of this checkout.
 * @returns lines for people that say which; none where all was in place
 */
export async function installPlugins(): Promise<string[]> {
  const cli = await pulumiCli();
  const bundledHost = existsSync(join(dirname(cli), "pulumi-language-nodejs"));
  const missing = providers.filter((plugin) => !existsSync(directoryOf(plugin)));
  if (bundledHost) for (const plugin of missing) await download(cli, plugin);
  // Again each time: the launchers of offline plugins name this checkout's place, which may have moved.
  const lines = await installOfflinePlugins(pulumiHome);
  if (missing.length === 0) return [];
  return lines.filter((line) => !(bundledHost && line.startsWith("language-")));
}

function directoryOf({ name, version }: { name: string; version: string }): string {
  return join(pulumiHome, "plugins", `resource-${name}-v${version}`);
}

async function download(cli: string, { name, version }: { name: string; version: string }): Promise<void> {
  const env = { ...process.env, ...pulumiEnvironment() };
  await $({ env, nothrow: true, quiet: true, timeout: "300s" })`${cli} plugin install resource ${name} v${version}`;
}
