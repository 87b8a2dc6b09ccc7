import type { Disk, Disks } from "./disk.ts";
import { reasonOf, refusals, type RefusalOptions, type Wanted } from "./refusals.ts";
import { describeContent, describeDisk } from "./words.ts";

/**
 * A list of the disks that a card can be written to, and of the others with the reasons against them.
 * @param disks whole disks, with their stamps
 */
export function describeCandidates(
  { disks, systemKnown }: Disks,
  wanted: Wanted,
  options: Pick<RefusalOptions, "replace" | "sizeOk">,
): string {
  const judged = disks
    .filter(({ device, names }) => device.kind === "disk" || (device.kind === "loop" && names.length > 0))
    .map((disk) => judge(disk, wanted, options, systemKnown));
  const fit = judged.filter(({ reasons }) => reasons.length === 0);
  const unfit = judged.filter(({ reasons }) => reasons.length > 0);
  return [
    fit.length === 0 ? "No disk can take a card now." : "A card can be written to:",
    ...fit.flatMap(({ name, disk }) => [`  ${name}`, `      ${describeDisk(disk)}; on it: ${describeContent(disk)}`]),
    ...(unfit.length === 0 ? [] : ["Not to:"]),
    ...unfit.flatMap(({ name, disk, reasons }) => [
      `  ${name}`,
      `      ${describeDisk(disk)}${disk.device.bytes === 0 ? "" : `; on it: ${describeContent(disk)}`}`,
      ...reasons.map((reason) => `      - ${reason}`),
    ]),
    ...(systemKnown ? [] : ["Which disk this machine runs from can't be told here (a container, or an unusual root)."]),
  ].join("\n");
}

function judge(
  disk: Disk,
  wanted: Wanted,
  options: Pick<RefusalOptions, "replace" | "sizeOk">,
  systemKnown: boolean,
): { disk: Disk; name: string; reasons: string[] } {
  const name = disk.names[0] ?? disk.device.path;
  const reasons = refusals(disk, wanted, { ...options, to: name, systemKnown });
  return {
    disk,
    name,
    reasons: reasons.map((error) => `${reasonOf(error)}${reasons.length === 1 ? `: ${error.next}` : ""}`),
  };
}
