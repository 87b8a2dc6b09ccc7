import { textFile } from "../../remote/phase.ts";
import { header, type PhasePart } from "./part.ts";

const unit = "bramble-swap-off.service";
const unitFile = `/etc/systemd/system/${unit}`;

/**
 * No swap: a model that does not fit fails instead of crawling. Whatever the image swaps to is switched off after it came up;
 * Raspberry Pi OS's own two ways are told not to begin. A reboot puts all of it back once this is removed.
 */
export function swapOff(): PhasePart {
  return {
    files: [
      // Trixie: swap.conf(5) of raspberrypi/rpi-swap; the file is inert elsewhere.
      textFile("/etc/rpi/swap.conf.d/90-bramble.conf", `${header}[Main]\nMechanism=none\n`),
      textFile(unitFile, unitText),
    ],
    units: [
      // Bookworm.
      { name: "dphys-swapfile.service", enabled: false, active: false },
      // Not `active`: a container's swap is its host's, and the unit's condition keeps it off there.
      { name: unit, enabled: true },
    ],
    steps: [
      {
        title: "turned swap off",
        check: ["sh", "-c", 'systemd-detect-virt --quiet --container || test "$(wc -l </proc/swaps)" -le 1'],
        run: ["systemctl", "restart", unit],
        // What was swapped out has to come back from an SD card.
        limit: 600,
      },
    ],
    afterRemoval: [
      {
        title: "put swap back",
        run: ["sh", "-c", "systemctl daemon-reload && systemctl restart swap.target"],
        limit: 60,
        tolerated: true,
      },
    ],
  };
}

const unitText = `${header}[Unit]
Description=No swap
ConditionVirtualization=!container
After=swap.target dphys-swapfile.service
Before=k3s.service k3s-agent.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/sbin/swapoff --all
TimeoutStartSec=600

[Install]
WantedBy=multi-user.target
`;
