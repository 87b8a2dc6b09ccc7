import { existsSync } from "node:fs";
import { join } from "node:path";
import { $ } from "zx";
import { installOfflinePlugins } from "../../twin/plugins/install.ts";
import { pulumiEnvironment, pulumiHome } from "./pulumi.ts";
import { pulumiCli } from "./toolchain.ts";

/** The provider plugins that the program's packages ask for; versions as in package.json. */
const plugins = [
  { name: "command", version: "1.2.1" },
  { name: "kubernetes", version: "4.34.2" },
];

/**
 * Puts the plugins into the project's Pulumi home: Pulumi's own downloads, or, where these fail or the CLI came without
 * its language host, the offline plugins of this checkout. Returns lines that say which, to be printed.
 */
export async function installPlugins(): Promise<string[]> {
  const missing = plugins.filter(
    ({ name, version }) => !existsSync(join(pulumiHome, "plugins", `resource-${name}-v${version}`)),
  );
  const cli = await pulumiCli();
  const languageHost = existsSync(join(cli, "..", "pulumi-language-nodejs"));
  if (missing.length === 0 && (languageHost || existsSync(offlineLanguageHost()))) return [];
  if (languageHost) {
    const downloads = await Promise.all(missing.map((plugin) => download(cli, plugin)));
    if (downloads.every((done) => done))
      return missing.map(({ name, version }) => `${name} ${version}: downloaded by Pulumi`);
  }
  return installOfflinePlugins(pulumiHome);
}

async function download(cli: string, { name, version }: { name: string; version: string }): Promise<boolean> {
  const result = await $({
    env: { ...process.env, ...pulumiEnvironment() },
    nothrow: true,
    quiet: true,
    timeout: "300s",
  })`${cli} plugin install resource ${name} v${version}`;
  return result.exitCode === 0;
}
