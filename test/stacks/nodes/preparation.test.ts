import test from "ava";
import { stringify } from "yaml";
import { preparation as settings } from "../../../stacks/config/preparation.ts";
import type { Site } from "../../../stacks/config/site.ts";
import { dataDiskMountPhase, dataDiskPhase } from "../../../stacks/nodes/data-disk-phase.ts";
import { preparationPhase } from "../../../stacks/nodes/preparation-phase.ts";
import { phaseSchema } from "../../../stacks/remote/phase.ts";
import { matchesGolden } from "../../golden.ts";
import { exampleNode, exampleSite } from "../keys/example.ts";

/** A site that asks for everything that preparation can do to pi-1. */
function everything(): Site {
  const site = exampleSite();
  site.firmware = { fan: [{ celsius: 50, speed: 75 }], pcieGeneration: 3 };
  site.nodes["pi-1"] = exampleNode({
    role: "server",
    address: "192.168.7.11",
    address6: "fd00::11",
    dataDisk: { device: "/dev/disk/by-id/nvme-eui.0025385b01234567" },
  });
  return site;
}
function nothing(): Site {
  const keep = { governor: "keep", swap: "keep", watchdog: false, upgrades: "keep", firewall: false } as const;
  return { ...exampleSite(), preparation: settings.parse(keep) };
}
const render = (value: unknown) => stringify(value, { lineWidth: 0 });

test("a node's preparation is as it was", (t) => {
  matchesGolden(t, "nodes/preparation.yaml", render(preparationPhase(exampleSite(), "pi-1")));
});

test("a node's preparation with all that can be asked for is as it was", (t) => {
  matchesGolden(t, "nodes/preparation-everything.yaml", render(preparationPhase(everything(), "pi-1")));
});

test("a data disk's phases are as they were", (t) => {
  const phases = [dataDiskPhase(everything(), "pi-1"), dataDiskMountPhase("pi-1")];
  matchesGolden(t, "nodes/data-disk.yaml", render(phases));
});

test("what leaves this program is what the runner takes", (t) => {
  const site = everything();
  for (const phase of [
    preparationPhase(site, "pi-1"),
    preparationPhase(nothing(), "pi-1"),
    dataDiskPhase(site, "pi-1"),
    dataDiskMountPhase("pi-1"),
  ])
    t.deepEqual(phaseSchema.parse(JSON.parse(JSON.stringify(phase))), phase);
});

test("a node without a data disk has no phase for one", (t) => {
  t.is(dataDiskPhase(everything(), "pi-2"), undefined);
});

test("what is to be kept is left alone", (t) => {
  const { files, units, packages } = preparationPhase(nothing(), "pi-1");
  t.deepEqual([units, packages], [[], []]);
  const text = files.map(({ path }) => path).join("\n");
  t.notRegex(text, /governor|swap|watchdog|firewall|config\.txt/);
});

test("no step waits for a file that nobody writes, the firmware's excepted, whose settings may be taken away", (t) => {
  for (const site of [exampleSite(), everything(), nothing()]) {
    const { files, steps } = preparationPhase(site, "pi-1");
    const written = new Set([...files.map(({ path }) => path), "/boot/firmware/config.txt"]);
    for (const { title, after } of steps)
      t.true(
        (after ?? []).every((path) => written.has(path)),
        title,
      );
  }
});

test("titles tell steps apart, since the runner remembers steps by them", (t) => {
  const titles = preparationPhase(everything(), "pi-1").steps.map(({ title }) => title);
  t.is(new Set(titles).size, titles.length);
});
