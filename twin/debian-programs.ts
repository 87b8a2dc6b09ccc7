import { existsSync } from "node:fs";
import { readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { $ } from "zx";
import { UserError } from "../stacks/user-error.ts";
import { cached } from "./cache.ts";
import type { Progress } from "./progress.ts";

/** HAProxy, with the libraries that only it needs. */
export const haproxyPackages = ["haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"] as const;

/**
 * The files of Debian packages, unpacked into the cache: for servers that, installed, would start on this machine.
 * Their libraries must be here already, or be named too (see {@link withDependencies}).
 */
export async function debianPrograms(packages: readonly string[], progress: Progress): Promise<string> {
  const release = existsSync("/etc/os-release") ? await readFile("/etc/os-release", "utf8") : "";
  return await cached("debian-programs", [release, process.arch, ...packages], async (workplace) => {
    const named = packages.length > 4 ? `${packages.length} packages` : packages.join(" and ");
    progress(`fetching ${named} from Debian`);
    await apt(["download", ...packages], workplace);
    for (const name of await readdir(workplace)) {
      const archive = join(workplace, name);
      await $({ quiet: true })`dpkg-deb --extract ${archive} ${workplace}`;
      await rm(archive);
    }
  });
}

/** The packages that installing `wanted` would add to this machine: these, and what they need that is not here. */
export async function withDependencies(wanted: readonly string[]): Promise<string[]> {
  return addedBy(await apt(["install", "--simulate", "--no-install-recommends", ...wanted]));
}

/** The names in the lines "Inst name (version ...)" of a simulated apt-get. */
export function addedBy(listing: string): string[] {
  return [...listing.matchAll(/^Inst (\S+) /gm)].map(([, name = ""]) => name).sort();
}

/** What apt-get prints. Where it fails the package lists are missing or older than the archive: they are fetched, once. */
async function apt(command: readonly string[], cwd = "/"): Promise<string> {
  const shell = $({ quiet: true, nothrow: true, cwd });
  let done = await shell`apt-get ${command}`;
  if (done.exitCode !== 0) {
    await shell`apt-get update`;
    done = await shell`apt-get ${command}`;
  }
  if (done.exitCode === 0) return done.stdout;
  throw new UserError({
    what: `apt-get ${command.join(" ")} failed: ${done.stderr.trim()}`,
    next: "mend apt's sources, then run this again",
  });
}
