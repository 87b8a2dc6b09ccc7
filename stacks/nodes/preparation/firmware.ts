import type { Site } from "../../config/site.ts";
import { renderFirmwareSettings } from "../../cards/firmware-config.ts";
import { textBlock, type ManagedFile } from "../../remote/phase.ts";
import type { PhasePart } from "./part.ts";

/**
 * The firmware reads its settings from the boot partition's root, in Ubuntu's layout of 25.10 and later too: there, config.txt
 * chooses the directory that the rest is read from (os_prefix=current/).
 */
const file = "/boot/firmware/config.txt";

/** What waits for a reboot, one reason a line; nodes/probe.py reads it. */
const rebootNeeded = "/run/bramble/reboot-needed";

/** Fan and PCIe: the block that the card was written with, kept on the running node. */
export function firmware(site: Site, node: string): PhasePart {
  const settings = firmwareFile(site, node);
  return {
    files: settings === undefined ? [] : [settings],
    steps: [
      {
        title: "noted that firmware settings wait for a reboot",
        run: ["sh", "-c", `mkdir -p /run/bramble && echo 'firmware settings changed' >>${rebootNeeded}`],
        // Also when the settings were taken out of the configuration, and so out of the file.
        after: [file],
        limit: 60,
      },
    ],
  };
}

/** The firmware settings that a node is to have in its config.txt, or undefined where none are asked for. */
export function firmwareFile(site: Site, node: string): ManagedFile | undefined {
  const settings = renderFirmwareSettings(site, node);
  return settings === "" ? undefined : textBlock(file, settings);
}
