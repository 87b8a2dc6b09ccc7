import type { Firmware } from "../config/firmware.ts";
import { nodeOf, type Site } from "../config/site.ts";
import { UserError } from "../user-error.ts";
import type { System } from "./system.ts";

/** What remote/managed.py puts around lines of ours in a file that others write too: on the card it is the same section. */
const settingsMarkers = {
  begin: "# begin bramble: kept by Bramble, changes inside are undone by the next `pulumi up`",
  end: "# end bramble",
};
/** A section of its own: which kernels there are, only the card's system says, so it changes only when a card is written. */
const kernelMarkers = {
  begin: "# begin kernel (bramble): chosen when the card was written",
  end: "# end kernel (bramble)",
};

/** A node's firmware settings: its own, and the site's where it has none. */
export function firmwareOf(site: Site, node: string): Firmware {
  return { ...site.firmware, ...nodeOf(site, node).firmware };
}

/**
 * The lines of config.txt for fan and PCIe, empty where nothing is asked: the text between the markers, on a new card and in the
 * block that is kept on the running node. Not measured here: the values of a real fan.
 */
export function renderFirmwareSettings(site: Site, node: string): string {
  const { fan, pcieGeneration } = firmwareOf(site, node);
  const parameters = [
    ...(fan === undefined ? [] : fanParameters(fan)),
    ...(pcieGeneration === undefined ? [] : [`pciex1_gen=${pcieGeneration}`]),
  ];
  if (parameters.length === 0) return "";
  // `[all]` ends a filter that the lines before may have begun, an empty `dtoverlay=` the parameters of the overlay before
  // (Raspberry Pi documentation, configuration/device-tree): these are the board's own.
  return ["[all]", "dtoverlay=", ...parameters.map((parameter) => `dtparam=${parameter}`), ""].join("\n");
}

/** The Pi 5 has four steps (raspberrypi/linux, overlays/README: fan_temp0 in thousandths of a degree, and so on). */
const fanSteps = 4;

/** Steps that are not asked for repeat the last: with their defaults, a hotter board would slow its fan down. */
function fanParameters(fan: NonNullable<Firmware["fan"]>): string[] {
  return Array.from({ length: fanSteps }, (_, index) => fan[Math.min(index, fan.length - 1)]).flatMap((step, index) =>
    step === undefined ? [] : [`fan_temp${index}=${step.celsius * 1000}`, `fan_temp${index}_speed=${step.speed}`],
  );
}

/**
 * The line of config.txt that chooses the kernel by its page size, undefined where none is needed.
 * @throws UserError where the system has no such kernel
 */
export function kernelSetting(site: Site, node: string, system: System): string | undefined {
  const { pageSize } = firmwareOf(site, node);
  if (pageSize === undefined) return undefined;
  // Raspberry Pi documentation, config_txt: kernel_2712.img is the Pi 5's default, with pages of 16 KB.
  if (system === "raspberry-pi-os") return `kernel=${pageSize === 4096 ? "kernel8.img" : "kernel_2712.img"}`;
  if (pageSize === 4096) return undefined; // Ubuntu's only kernel has these.
  throw new UserError({
    what: `asks for pages of ${pageSize} bytes, but Ubuntu's kernel for the Pi has 4096`,
    where:
      nodeOf(site, node).firmware?.pageSize === undefined ? "firmware.pageSize" : `nodes.${node}.firmware.pageSize`,
    next: "remove it, or use Raspberry Pi OS Lite",
  });
}

/** config.txt with Bramble's sections in place of those it had, if any; everything else stays as it is. */
export function editFirmwareConfig(
  text: string,
  ours: { readonly settings: string; readonly kernel: string | undefined },
): string {
  const kernel = ours.kernel === undefined ? "" : `[all]\n${ours.kernel}\n`;
  return withSection(withSection(text, kernelMarkers, kernel), settingsMarkers, ours.settings);
}

function withSection(text: string, markers: { begin: string; end: string }, lines: string): string {
  const { begin, end } = markers;
  const outside = withoutSections(text, markers);
  if (lines === "") return outside;
  return `${outside}${outside === "" || outside.endsWith("\n") ? "" : "\n"}${begin}\n${lines}${end}\n`;
}

/** The text without what lies between markers; one that stands alone is left. */
function withoutSections(text: string, markers: { begin: string; end: string }): string {
  const lines = text.split(/(?<=\n)/);
  const end = lines.findIndex(
    (line, index) => line === `${markers.end}\n` && lines.lastIndexOf(`${markers.begin}\n`, index) >= 0,
  );
  if (end < 0) return text;
  const begin = lines.lastIndexOf(`${markers.begin}\n`, end);
  return withoutSections([...lines.slice(0, begin), ...lines.slice(end + 1)].join(""), markers);
}
