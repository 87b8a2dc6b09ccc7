import type { Site } from "../../config/site.ts";
import { textBlock } from "../../remote/phase.ts";
import type { PhasePart } from "./part.ts";

/** Names of the site's nodes on each of them: no site needs a DNS server for itself. */
export function hosts(site: Site): PhasePart {
  return { files: [textBlock("/etc/hosts", renderHosts(site))] };
}

/** Lines of /etc/hosts, one an address, in the order of names so that the file does not change with the configuration's order. */
export function renderHosts(site: Site): string {
  return Object.entries(site.nodes)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([name, { address, address6 }]) =>
      [address, ...(address6 === undefined ? [] : [address6])].map((at) => `${at} ${name}\n`),
    )
    .join("");
}
