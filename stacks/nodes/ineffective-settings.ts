import { firmwareOf } from "../cards/firmware-config.ts";
import type { Site } from "../config/site.ts";
import type { Facts } from "./facts.ts";

/** Which firmware settings of a node are not in effect, as far as facts can show it, one line each. None of it mends itself. */
export function ineffectiveSettings(site: Site, node: string, { pageSize }: Pick<Facts, "pageSize">): string[] {
  const wanted = firmwareOf(site, node).pageSize;
  return wanted === undefined || wanted === pageSize
    ? []
    : [
        `the kernel's pages are ${pageSize} bytes, not ${wanted}: which kernel boots is chosen when the card is written (generation + 1)`,
      ];
}
