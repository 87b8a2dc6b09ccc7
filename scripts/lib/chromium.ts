import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { cached } from "../../twin/cache.ts";
import { debianPrograms, withDependencies } from "../../twin/debian-programs.ts";
import type { Progress } from "../../twin/progress.ts";

/** What a page looks like must not depend on the fonts of this machine. */
const font = "fonts-inter";

/**
 * Debian's Chromium as a command that can be run from where it lies: unpacked into the cache with every library that this
 * machine lacks, nothing installed.
 * @returns the directory of the command `chromium`
 * @throws UserError where apt-get cannot bring it
 */
export async function provideChromium(progress: Progress): Promise<string> {
  const files = await debianPrograms([...(await withDependencies(["chromium"])), font], progress);
  return await cached("chromium", [files, launcher(files), fontsConfiguration(files)], async (workplace) => {
    const configuration = join(workplace, "fonts.conf");
    await writeFile(configuration, fontsConfiguration(files));
    await writeFile(join(workplace, "chromium"), launcher(files), { mode: 0o755 });
  });
}

/** Starts a browser without a window. @param command its path */
export async function openChromium(command: string): Promise<Browser> {
  // Chromium's sandbox does not run as root; the pages are our own, and without scripts.
  return await chromium.launch({ executablePath: command, chromiumSandbox: process.getuid?.() !== 0 });
}

/** Debian's own launcher looks for the program and its libraries where installing would put them. */
function launcher(files: string): string {
  return `#!/bin/sh
files='${files}'
# libpulse finds its other half, in a folder of its own, by an absolute path.
for directory in "$files"/lib/*-linux-gnu "$files"/usr/lib/*-linux-gnu "$files"/usr/lib/*-linux-gnu/pulseaudio; do
  LD_LIBRARY_PATH="$directory\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
done
FONTCONFIG_FILE="$(dirname "$0")/fonts.conf"
export LD_LIBRARY_PATH FONTCONFIG_FILE
exec "$files/usr/lib/chromium/chromium" "$@"
`;
}

function fontsConfiguration(files: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${files}/usr/share/fonts</dir></fontconfig>
`;
}
