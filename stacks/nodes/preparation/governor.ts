import { executable, textFile } from "../../remote/phase.ts";
import { header, scriptsDirectory, withHeader, type PhasePart } from "./part.ts";

const unit = "bramble-governor.service";
const unitFile = `/etc/systemd/system/${unit}`;
const script = `${scriptsDirectory}/governor`;

/** The processors at their full frequency, always: otherwise a measurement depends on what ran before it. */
export function governor(): PhasePart {
  return {
    files: [textFile(script, withHeader(scriptText), executable), textFile(unitFile, unitText)],
    // Not `active`: where there is no frequency to govern (virtual machines, containers) the unit's condition keeps it off.
    units: [{ name: unit, enabled: true }],
    steps: [
      {
        title: "set the performance governor",
        check: [script, "check"],
        run: ["systemctl", "restart", unit],
        limit: 60,
      },
    ],
    removal: [{ title: "put the governor back", run: ["systemctl", "stop", unit], limit: 60, tolerated: true }],
  };
}

const scriptText = `#!/bin/sh
# governor set|restore|check: \`performance\` for all processors, what was before, or whether all have it.
set -eu
kept=/run/bramble/governor
write() {
  for file in /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor; do
    [ ! -e "$file" ] || echo "$1" >"$file"
  done
}
case "$1" in
  set)
    mkdir -p /run/bramble
    [ -e "$kept" ] || cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor >"$kept"
    write performance
    ;;
  restore)
    [ ! -e "$kept" ] || write "$(cat "$kept")"
    rm -f "$kept"
    ;;
  check) ! cat /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor 2>/dev/null | grep -qvx performance ;;
esac
`;

const unitText = `${header}[Unit]
Description=Performance governor for all processors
ConditionPathExists=/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor
# Raspberry Pi OS sets its own at boot (raspi-config's init script).
After=raspi-config.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${script} set
ExecStop=${script} restore

[Install]
WantedBy=multi-user.target
`;
