import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { $ } from "zx";
import { root } from "../../stacks/root.ts";
import { UserError } from "../../stacks/user-error.ts";
import { cached } from "../../twin/cache.ts";
import type { Report } from "./steps.ts";

/** The CLI that is downloaded or built where none in range is on PATH. */
const pinnedVersion = "3.259.0";
/** Oldest CLI that is taken from PATH. */
const oldestVersion = [3, 250] as const;

let found: Promise<string> | undefined;

/** Path of the Pulumi CLI: one on PATH in the supported range, else a downloaded one, else one built from its Go module. */
export function pulumiCli(report: Report = () => undefined): Promise<string> {
  found ??= findPulumi(report);
  return found;
}

async function findPulumi(report: Report): Promise<string> {
  for (const candidate of onPath("pulumi")) {
    const version = await versionOf(candidate);
    if (version !== undefined && inRange(version)) {
      report(`${version}, found on PATH`);
      return candidate;
    }
  }
  const directory = await cached("pulumi-cli", [pinnedVersion, process.platform, process.arch], async (output) => {
    await download(output, report);
    if (!existsSync(downloadedCli(output))) await build(output, report);
  });
  const downloaded = downloadedCli(directory);
  const cli = existsSync(downloaded) ? downloaded : builtCli(directory);
  report(
    `${pinnedVersion}, ${cli === downloaded ? "downloaded" : "built from its Go module, since its release cannot be downloaded here"}`,
  );
  return cli;
}

const downloadedCli = (directory: string) => join(directory, "versions", pinnedVersion, "bin", "pulumi");
const builtCli = (directory: string) => join(directory, "pulumi");

/** The npm package `pulumi` fetches Pulumi's own release below the PULUMI_HOME that it is given: not the user's. */
async function download(output: string, report: Report): Promise<void> {
  report(`downloading ${pinnedVersion}`);
  const run = join(root, "node_modules", "pulumi", "run.js");
  await $({
    env: { ...process.env, PULUMI_HOME: output },
    nothrow: true,
    quiet: true,
    timeout: "300s",
  })`${process.execPath} ${run} version`;
}

async function build(output: string, report: Report): Promise<void> {
  report(`building ${pinnedVersion} from its Go module (some minutes, once)`);
  // Without this -X the CLI's version is empty, and tools that ask for it refuse the CLI.
  const flags = `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${pinnedVersion}`;
  const result = await $({
    cwd: join(root, "twin", "pulumi-cli"),
    env: { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly" },
    nothrow: true,
    quiet: true,
  })`go build -ldflags ${flags} -o ${builtCli(output)} github.com/pulumi/pulumi/pkg/v3/cmd/pulumi`;
  if (result.exitCode !== 0)
    throw new UserError({
      what: `the Pulumi CLI could be neither downloaded nor built:\n${result.stderr.trim().split("\n").slice(-10).join("\n")}`,
      next: `put Pulumi ${oldestVersion.join(".")} or a later 3.x on PATH, or install Go 1.26, then run this again`,
    });
}

async function versionOf(cli: string): Promise<string | undefined> {
  const result = await $({
    nothrow: true,
    quiet: true,
    env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
  })`${cli} version`;
  return result.exitCode === 0 ? result.stdout.trim().replace(/^v/, "") : undefined;
}

function inRange(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major === oldestVersion[0] && minor >= oldestVersion[1];
}

/** Executables of that name on PATH, except those that npm packages put there. */
function onPath(name: string): string[] {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .filter((directory) => directory !== "" && !dirname(directory).endsWith("node_modules"))
    .map((directory) => join(directory, name))
    .filter((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
