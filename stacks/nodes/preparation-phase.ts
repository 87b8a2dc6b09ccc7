import type { Site } from "../config/site.ts";
import type { Phase } from "../remote/phase.ts";
import { firewall } from "./preparation/firewall.ts";
import { powerMeter } from "./preparation/power-meter.ts";
import { firmware } from "./preparation/firmware.ts";
import { governor } from "./preparation/governor.ts";
import { hosts } from "./preparation/hosts.ts";
import { journal } from "./preparation/journal.ts";
import { logRotation } from "./preparation/log-rotation.ts";
import { phaseOf, type PhasePart } from "./preparation/part.ts";
import { sshd } from "./preparation/sshd.ts";
import { swapOff } from "./preparation/swap.ts";
import { sysctl } from "./preparation/sysctl.ts";
import { upgradesOff } from "./preparation/upgrades.ts";
import { watchdog } from "./preparation/watchdog.ts";

/** Where raw results lie on a node until they are collected; they outlive the experiments that wrote them. */
export const resultsDirectory = "/var/lib/bramble/results";
/** Where models lie on a node, for as long as the site does. */
export const modelsDirectory = "/var/lib/bramble/models";

/** What a node needs before K3s, one concern after the other. */
export function preparationPhase(site: Site, node: string): Phase {
  const { preparation } = site;
  const only = (wanted: boolean, part: () => PhasePart) => (wanted ? [part()] : []);
  return phaseOf(node, "preparation", [
    hosts(site),
    { directories: [resultsDirectory, modelsDirectory].map((path) => ({ path, mode: "0755", owner: "root:root" })) },
    sysctl(),
    journal(preparation),
    logRotation(),
    sshd(),
    ...only(preparation.swap === "off", swapOff),
    ...only(preparation.governor === "performance", governor),
    ...only(preparation.watchdog, watchdog),
    ...only(preparation.upgrades === "off", upgradesOff),
    ...only(preparation.firewall, () => firewall(site)),
    ...only(site.probe !== undefined, powerMeter),
    firmware(site, node),
  ]);
}
