import type { PhasePart } from "./part.ts";

/** Debian's and Ubuntu's ways of upgrading by themselves, off: no upgrade falls into a measurement. */
export function upgradesOff(): PhasePart {
  return {
    units: ["apt-daily.timer", "apt-daily-upgrade.timer", "unattended-upgrades.service"].map((name) => ({
      name,
      enabled: false,
      active: false,
    })),
  };
}
