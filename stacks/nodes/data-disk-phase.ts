import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nodeOf, type Site } from "../config/site.ts";
import { quote } from "../remote/connection.ts";
import { executable, textFile, type Phase } from "../remote/phase.ts";
import { header, scriptsDirectory, withHeader } from "./preparation/part.ts";

const script = `${scriptsDirectory}/data-disk`;
const configFile = "/etc/bramble/data-disk.conf";
const unit = "bramble-data-disk.service";
const unitFile = `/etc/systemd/system/${unit}`;

/** A node's data disk, formatted once and for all, or undefined where it has none. Removed, it keeps its data. */
export function dataDiskPhase(site: Site, node: string): Phase | undefined {
  const { dataDisk } = nodeOf(site, node);
  if (dataDisk === undefined) return undefined;
  const settings = { DEVICE: dataDisk.device, SITE: site.name, NODE: node, ERASE: dataDisk.erase ? "yes" : "no" };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${quote(value)}\n`);
  return {
    node,
    name: "data-disk",
    files: [
      textFile(script, withHeader(readFileSync(join(import.meta.dirname, "data-disk.sh"), "utf8")), executable),
      textFile(configFile, header + lines.join("")),
    ],
    directories: [],
    steps: [
      {
        title: "prepared the data disk",
        check: [script, "check"],
        run: [script, "prepare"],
        // mkfs of terabytes behind USB.
        limit: 900,
      },
    ],
    removal: [],
  };
}

/**
 * The data disk mounted, now and at each boot, before K3s, which does not start without it. A service does that and no .mount
 * unit: those wait for a device unit, which only udev makes.
 */
export function dataDiskMountPhase(node: string): Phase {
  const requirements = ["k3s.service", "k3s-agent.service"].map((k3s) =>
    textFile(`/etc/systemd/system/${k3s}.d/90-bramble-data-disk.conf`, requirementText),
  );
  return {
    node,
    name: "data-disk-mount",
    files: [textFile(unitFile, unitText), ...requirements],
    directories: [],
    // It checks the file system first. Never restarted: K3s would be, too.
    units: [{ name: unit, enabled: true, active: true, limit: 960 }],
    steps: [
      {
        title: "reloaded systemd for the data disk",
        run: ["systemctl", "daemon-reload"],
        after: [unitFile, ...requirements.map(({ path }) => path)],
        limit: 60,
      },
    ],
    removal: [
      {
        title: "unmounted the data disk",
        run: ["sh", "-c", `systemctl disable --now ${unit} && ${script} unmount`],
        check: ["test", "!", "-e", script],
        limit: 120,
      },
    ],
    afterRemoval: [{ title: "reloaded systemd", run: ["systemctl", "daemon-reload"], limit: 60 }],
  };
}

const requirementText = `${header}[Unit]
# Without its disk K3s would begin anew on the card.
Requires=${unit}
After=${unit}
`;

const unitText = `${header}[Unit]
Description=Disk for K3s, models and results
RequiresMountsFor=/srv /var/lib
Before=k3s.service k3s-agent.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${script} mount
# Pods outlive K3s at a shutdown and keep it busy; systemd itself unmounts what is left.
ExecStop=-${script} unmount
TimeoutStartSec=900

[Install]
WantedBy=multi-user.target
`;
