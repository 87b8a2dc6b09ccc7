import * as pulumi from "@pulumi/pulumi";
import test from "ava";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { dataDiskPhase } from "../../../stacks/nodes/data-disk-phase.ts";
import type { SeenOnNode } from "../../../stacks/remote/phase-command.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../keys/example.ts";

interface Registered {
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}
const registered: Registered[] = [];
await pulumi.runtime.setMocks(
  {
    newResource: ({ name, inputs }) => {
      registered.push({ name, inputs: inputs as Record<string, unknown> });
      return { id: `${name}-id`, state: {} };
    },
    call: () => ({}),
  },
  "bramble",
  "barn",
  false,
);
// After the mocks: the SDK reads its settings when it is loaded.
const { DataDisk } = await import("../../../stacks/nodes/data-disk.ts");
const { Reboot } = await import("../../../stacks/nodes/reboot.ts");
const { firmwareFile } = await import("../../../stacks/nodes/preparation/firmware.ts");

const site = exampleSite();
site.firmware = { pcieGeneration: 3 };
const dataDisk = { device: "/dev/disk/by-id/nvme-one" };
site.nodes["pi-1"] = exampleNode({ role: "server", address: "192.168.7.11", dataDisk });
const keys = deriveSiteKeys(exampleRootSecret, site);
const endpoint = (node: string) => endpointOf(site, node, keys);
const settings = firmwareFile(site, "pi-2");
if (settings === undefined) throw new Error("no firmware settings were rendered");

const seen = (sha256: string): SeenOnNode => {
  const file = { installed: { sha256: settings.sha256 }, present: { sha256 } };
  const rest = { pending: [], directories: {}, units: {}, packages: {}, labels: null };
  const record = { applied: "2026-11-24T01:00:00.000Z", files: { [settings.path]: file }, ...rest };
  return { machine: "1f2e3d4c", records: { preparation: record } };
};
test("a reboot's diff shows the version of the firmware's settings, and what was put right", async (t) => {
  site.nodes["pi-9"] = exampleNode({ role: "agent", address: "192.168.7.19" });
  const args = { site, endpoint: endpoint("pi-2"), servers: [endpoint("pi-1")] };
  const commands = [
    new Reboot("pi-2", { ...args, seen: seen(settings.sha256) }, {}),
    new Reboot("pi-9", { ...args, seen: seen("0".repeat(64)) }, {}),
  ].map(({ command }) => command);
  await Promise.all(commands.map((command) => promiseOf(command.id)));
  const environment = (name: string) =>
    registered.find((one) => one.name === name)?.inputs.environment as Record<string, string>;
  t.regex(environment("pi-2-reboot").BRAMBLE_FIRMWARE ?? "", /^[0-9a-f]{8}$/);
  t.is(environment("pi-2-reboot").BRAMBLE_REPAIR, undefined);
  t.regex(environment("pi-9-reboot").BRAMBLE_REPAIR ?? "", /config\.txt.*since 2026-11-24/);
});

test("a data disk is prepared before it is mounted", async (t) => {
  const phase = dataDiskPhase(site, "pi-1");
  if (phase === undefined) throw new Error("no data disk");
  const disk = new DataDisk("pi-1", { site, phase, endpoint: endpoint("pi-1"), seen: undefined }, {});
  await promiseOf(disk.mount.id);
  const order = registered.map(({ name }) => name).filter((name) => name.startsWith("pi-1-data-disk"));
  t.deepEqual(order, ["pi-1-data-disk", "pi-1-data-disk-mount"]);
});

function promiseOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply((value) => {
      resolve(value);
    });
  });
}
