import { textFile } from "../../remote/phase.ts";
import { header, type PhasePart } from "./part.ts";

const file = "/etc/systemd/system.conf.d/90-bramble-watchdog.conf";

/** The longest that a Pi's watchdog counts: 20 bits of 1/65536 s (kernel, drivers/watchdog/bcm2835_wdt.c). */
const seconds = 15;

/** The board restarts by itself when its system hangs. Where there is no watchdog device, systemd passes over the setting. */
export function watchdog(): PhasePart {
  const reload = ["systemctl", "daemon-reload"];
  return {
    files: [textFile(file, `${header}[Manager]\nRuntimeWatchdogSec=${seconds}\n`)],
    steps: [
      {
        title: "armed the watchdog",
        check: ["sh", "-c", `test "$(systemctl show --property=RuntimeWatchdogUSec --value)" = ${seconds}s`],
        // systemd reads its own settings anew then (src/core/main.c).
        run: reload,
        limit: 60,
      },
    ],
    afterRemoval: [{ title: "reloaded systemd's settings", run: reload, limit: 60 }],
  };
}
