import { readFileSync } from "node:fs";
import { join } from "node:path";
import { executable, textFile } from "../../remote/phase.ts";
import { header, scriptsDirectory, withHeader, type PhasePart } from "./part.ts";

const unit = "bramble-power-meter.service";
const unitFile = `/etc/systemd/system/${unit}`;
const script = `${scriptsDirectory}/power-meter`;

/** What the unit needs: the firmware's device, and the program that asks it (Raspberry Pi OS and Ubuntu both have it there). */
const needed = ["/dev/vcio", "/usr/bin/vcgencmd"];

/**
 * What only a Pi's firmware tells (power, throttling), once a second in files, which the probe's pod reads without any right
 * to the firmware's device. Raspberry Pi's kernels from 6.12 tell throttling in no other way (raspberrypi/linux #6697).
 */
export function powerMeter(): PhasePart {
  return {
    files: [
      textFile(script, withHeader(readFileSync(join(import.meta.dirname, "power-meter.py"), "utf8")), executable),
      textFile(unitFile, unitText),
    ],
    // Not `active`: where there is no such firmware the unit's conditions keep it off.
    units: [{ name: unit, enabled: true, after: [script, unitFile] }],
    steps: [
      {
        title: "started the power meter",
        check: [
          "sh",
          "-c",
          `systemctl is-active --quiet ${unit} || ${needed.map((path) => `! test -e ${path}`).join(" || ")}`,
        ],
        run: ["systemctl", "start", unit],
        limit: 60,
      },
    ],
    removal: [{ title: "stopped the power meter", run: ["systemctl", "stop", unit], limit: 60, tolerated: true }],
  };
}

const unitText = `${header}[Unit]
Description=Power (an estimate) and throttling, as the board's firmware tells them
${needed.map((path) => `ConditionPathExists=${path}\n`).join("")}
[Service]
ExecStart=${script} /run/bramble/meter
Restart=always
RestartSec=10
# The probe's pod has this very directory mounted: another one of its name would never be seen there.
RuntimeDirectory=bramble/meter
RuntimeDirectoryPreserve=yes
DevicePolicy=closed
DeviceAllow=/dev/vcio rw
CapabilityBoundingSet=
NoNewPrivileges=yes
PrivateNetwork=yes
ProtectHome=yes
ProtectSystem=strict

[Install]
WantedBy=multi-user.target
`;
