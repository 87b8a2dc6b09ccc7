import { createHash } from "node:crypto";
import { nodeOf } from "../config/site.ts";
import { cardParts } from "./card-parts.ts";
import { editCommandLine } from "./command-line.ts";
import { editFirmwareConfig, kernelSetting, renderFirmwareSettings } from "./firmware-config.ts";
import { instanceIdOf } from "./instance-id.ts";
import { renderSeed, type WantedCard } from "./seed.ts";
import { wifiOf } from "./seed/network-config.ts";
import type { Stamp } from "./stamp.ts";
import { commandLinePaths, firmwareConfigPath } from "./system.ts";

/** What a card has that its base image has not. Secret, since the host key is in it. */
export interface CardContent {
  /** Lies on the boot partition as well, but is written last: not among the files. */
  readonly stamp: Stamp;
  /** Files to write on the boot partition: path -> text. */
  readonly files: Readonly<Record<string, string>>;
  /** Files of the image's to edit there: path -> what the edit makes of the text. Editing twice gives what editing once does. */
  readonly edits: Readonly<Record<string, (text: string) => string>>;
}

/**
 * Renders a node's card. The same configuration gives the same content, on any machine and any day.
 * @throws UserError for an adopted node, a missing Wi-Fi passphrase, or a setting that the system does not have
 */
export function cardContent(wanted: WantedCard): CardContent {
  const { site, node, system } = wanted;
  const { generation } = nodeOf(site, node);
  const files = renderSeed(wanted);
  const commandLine = {
    instanceId: instanceIdOf({ site: site.name, node, generation }),
    country: wifiOf(site, node)?.country,
  };
  const firmware = { settings: renderFirmwareSettings(site, node), kernel: kernelSetting(site, node, system) };
  const digest = createHash("sha256")
    .update(JSON.stringify([site.image.sha256, system, files, commandLine, firmware]))
    .digest("hex");
  return {
    stamp: { site: site.name, node, generation, system, digest, parts: cardParts(wanted) },
    files,
    edits: {
      [commandLinePaths[system]]: (text) => editCommandLine(text, commandLine),
      ...((firmware.settings !== "" || firmware.kernel !== undefined) && {
        [firmwareConfigPath]: (text: string) => editFirmwareConfig(text, firmware),
      }),
    },
  };
}
