import { UserError } from "../user-error.ts";

/**
 * The systems that cards are made for, told apart by what lies on an image's boot partition.
 * - raspberry-pi-os: Raspberry Pi OS Lite, Trixie and later, with cloud-init
 * - ubuntu: Ubuntu Server for the Pi, 24.04 to 25.04
 * - ubuntu-ab: the same from 25.10 on, where all that boots lies in current/ (canonical/pi-gadget, #139 "A/B piboot")
 */
export const systems = ["raspberry-pi-os", "ubuntu", "ubuntu-ab"] as const;
export type System = (typeof systems)[number];

/** Where the kernel's command line lies on the boot partition. */
export const commandLinePaths: Readonly<Record<System, string>> = {
  "raspberry-pi-os": "cmdline.txt",
  ubuntu: "cmdline.txt",
  "ubuntu-ab": "current/cmdline.txt",
};

/** Where the firmware's settings lie on the boot partition: the firmware itself knows this place only. */
export const firmwareConfigPath = "config.txt";

/** What an image's boot partition holds; names in lower case, since FAT knows no other. */
interface BootPartition {
  readonly has: (name: string) => boolean;
  /** A file's text, empty where there is none. */
  readonly text: (name: string) => Promise<string>;
}

interface Recogniser {
  readonly system: System;
  /** What tells this family of images from others, as an error names it. */
  readonly sign: string;
  readonly title: string;
  readonly use: string;
  readonly matches: (partition: BootPartition) => Promise<boolean>;
  /** What must lie there beside the sign, for a card to work. */
  readonly needs: Readonly<Record<string, string>>;
  /** What else speaks against it, or undefined. */
  readonly objection: (partition: BootPartition) => Promise<string | undefined>;
}

const cloudInit = "cloud-init's template, which says that the image takes its first settings from there";
const seedFiles = { "user-data": cloudInit, "meta-data": cloudInit, "network-config": cloudInit };
const commandLine = "the kernel's command line";
const firmwareConfig = "the firmware's settings";

const ubuntu = (system: System, prefix: string): Recogniser => ({
  system,
  sign: `${prefix}vmlinuz and ${prefix}cmdline.txt (Ubuntu)`,
  title: "Ubuntu for the Raspberry Pi",
  use: "use Ubuntu Server for the Raspberry Pi (64-bit), 24.04 or later",
  matches: (partition) => Promise.resolve(partition.has(`${prefix}vmlinuz`) && partition.has(commandLinePaths[system])),
  needs: {
    "config.txt": firmwareConfig,
    ...seedFiles,
    // The first release with it is 23.10; a board cannot start without.
    [`${prefix}bcm2712-rpi-5-b.dtb`]: "the Pi 5's device tree",
  },
  // The desktop's command line alone asks for a splash screen (canonical/pi-gadget, configs/*-desktop/cmdline.txt).
  objection: async (partition) =>
    (await partition.text(commandLinePaths[system])).split(/\s+/).includes("splash")
      ? "is the desktop edition"
      : undefined,
});

const recognisers: readonly Recogniser[] = [
  {
    system: "raspberry-pi-os",
    // pi-gen, scripts/common: "Raspberry Pi reference <date>\nGenerated using pi-gen, <repository>, <commit>, <stage>".
    sign: "issue.txt that begins with `Raspberry Pi reference` (Raspberry Pi OS)",
    title: "Raspberry Pi OS",
    use: "use Raspberry Pi OS Lite (64-bit), Trixie, of 2025-11-24 or later: earlier images have no cloud-init",
    matches: async (partition) => (await partition.text("issue.txt")).startsWith("Raspberry Pi reference "),
    needs: {
      "cmdline.txt": commandLine,
      "config.txt": firmwareConfig,
      // pi-gen, stage2/04-cloud-init/01-run.sh: there exactly where the image speaks cloud-init.
      ...seedFiles,
      "kernel_2712.img": "the Pi 5's kernel",
      "kernel8.img": "the 64-bit kernel with 4 KB pages",
    },
    // pi-gen: stage2 is Lite, stage4 the desktop, stage5 the desktop with applications.
    objection: async (partition) =>
      /, stage[45]\s*$/.test(await partition.text("issue.txt")) ? "is an edition with a desktop" : undefined,
  },
  ubuntu("ubuntu-ab", "current/"),
  ubuntu("ubuntu", ""),
];

/**
 * Tells which system a base image holds, from its boot partition.
 * @param image how errors name it
 * @param files paths of all files there, as `mdir -/ -b` lists them without the leading `::/`
 * @param read a file's text, undefined where there is none
 * @throws UserError for an image that no card can be made of: what was looked for, what was found, what to use
 */
export async function recogniseSystem(
  image: string,
  files: readonly string[],
  read: (name: string) => Promise<string | undefined>,
): Promise<System> {
  const names = new Set(files.map((name) => name.toLowerCase()));
  const partition: BootPartition = {
    has: (name) => names.has(name.toLowerCase()),
    text: async (name) => (names.has(name.toLowerCase()) ? ((await read(name)) ?? "") : ""),
  };
  for (const { matches, needs, objection, ...recogniser } of recognisers) {
    if (!(await matches(partition))) continue;
    const missing = Object.entries(needs).filter(([name]) => !partition.has(name));
    const problem =
      missing.length > 0
        ? `lacks on its boot partition:\n${missing.map(([name, why]) => `  - ${name}: ${why}`).join("\n")}`
        : await objection(partition);
    if (problem === undefined) return recogniser.system;
    throw new UserError({ what: `is ${recogniser.title}, but ${problem}`, where: image, next: recogniser.use });
  }
  throw new UserError({
    what: `is no image that cards can be made of: its boot partition has none of\n${recognisers.map(({ sign }) => `  - ${sign}`).join("\n")}\nbut ${describe(files)}`,
    where: image,
    next: recognisers
      .map(({ use }) => use)
      .filter((use, index, all) => all.indexOf(use) === index)
      .join("; or "),
  });
}

function describe(files: readonly string[]): string {
  const shown = [...files].sort().slice(0, 12);
  if (shown.length === 0) return "is empty";
  return `holds ${shown.join(", ")}${files.length > shown.length ? ` and ${files.length - shown.length} more` : ""}`;
}
