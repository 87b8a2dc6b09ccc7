import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { $ } from "zx";
import { UserError } from "../stacks/user-error.ts";
import { cached } from "./cache.ts";
import type { Progress } from "./progress.ts";

/** HAProxy, with the libraries that only it needs. */
export const haproxyPackages = ["haproxy", "liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1"] as const;

/**
 * The files of Debian packages, unpacked into the cache: for servers that, installed, would start on this machine.
 * Their libraries must be here already.
 */
export async function debianPrograms(packages: readonly string[], progress: Progress): Promise<string> {
  const release = existsSync("/etc/os-release") ? await readFile("/etc/os-release", "utf8") : "";
  return await cached("debian-programs", [release, process.arch, ...packages], async (workplace) => {
    progress(`fetching ${packages.join(" and ")} from Debian`);
    const shell = $({ quiet: true, nothrow: true, cwd: workplace });
    let fetched = await shell`apt-get download ${packages}`;
    if (fetched.exitCode !== 0) {
      // The package lists are missing, or older than the archive.
      await shell`apt-get update`;
      fetched = await shell`apt-get download ${packages}`;
    }
    if (fetched.exitCode !== 0) {
      throw new UserError({
        what: `apt-get cannot download ${packages.join(" and ")}: ${fetched.stderr.trim()}`,
        next: "mend apt's sources, then run this again",
      });
    }
    for (const archive of await readdir(workplace)) {
      await $({ quiet: true })`dpkg-deb --extract ${join(workplace, archive)} ${workplace}`;
    }
  });
}
