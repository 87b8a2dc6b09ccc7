import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import {
  editFirmwareConfig,
  firmwareOf,
  kernelSetting,
  renderFirmwareSettings,
} from "../../../stacks/cards/firmware-config.ts";
import type { Firmware } from "../../../stacks/config/firmware.ts";
import { root } from "../../../stacks/root.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { exampleSite } from "../keys/example.ts";

function siteWith(firmware: Firmware, own?: Firmware) {
  const site = exampleSite();
  const node = site.nodes["pi-2"];
  if (node === undefined) throw new Error("the example has no pi-2");
  return { ...site, firmware, nodes: { ...site.nodes, "pi-2": { ...node, firmware: own } } };
}

test("nothing is asked for: nothing is written", (t) => {
  t.is(renderFirmwareSettings(exampleSite(), "pi-2"), "");
  t.is(kernelSetting(exampleSite(), "pi-2", "raspberry-pi-os"), undefined);
});

test("a node's own settings stand before the site's, one by one", (t) => {
  const site = siteWith({ pcieGeneration: 2, pageSize: 4096 }, { pcieGeneration: 3 });
  t.deepEqual(firmwareOf(site, "pi-2"), { pcieGeneration: 3, pageSize: 4096 });
  t.is(renderFirmwareSettings(site, "pi-2"), "[all]\ndtoverlay=\ndtparam=pciex1_gen=3\n");
  t.is(renderFirmwareSettings(site, "pi-1"), "[all]\ndtoverlay=\ndtparam=pciex1_gen=2\n");
});

test("a fan never slows down as it gets hotter than the last step", (t) => {
  const lines = renderFirmwareSettings(siteWith({ fan: [{ celsius: 55, speed: 200 }] }), "pi-1").split("\n");
  for (let step = 0; step < 4; step++) {
    t.true(lines.includes(`dtparam=fan_temp${step}=55000`));
    t.true(lines.includes(`dtparam=fan_temp${step}_speed=200`));
  }
});

test("pages of 4 KB: another kernel on Raspberry Pi OS, the only one on Ubuntu", (t) => {
  const site = siteWith({ pageSize: 4096 });
  t.is(kernelSetting(site, "pi-1", "raspberry-pi-os"), "kernel=kernel8.img");
  t.is(kernelSetting(site, "pi-1", "ubuntu"), undefined);
  t.is(kernelSetting(site, "pi-1", "ubuntu-ab"), undefined);
  const large = siteWith({}, { pageSize: 16384 });
  t.is(kernelSetting(large, "pi-2", "raspberry-pi-os"), "kernel=kernel_2712.img");
  const error = t.throws(() => kernelSetting(large, "pi-2", "ubuntu"), { instanceOf: UserError });
  t.is(error.where, "nodes.pi-2.firmware.pageSize");
});

test("the section on the card is the one that is kept on the running node", (t) => {
  const managed = readFileSync(join(root, "stacks", "remote", "managed.py"), "utf8");
  const [begin, end] = ["BLOCK_BEGIN", "BLOCK_END"].map((name) => RegExp(`^${name} = "(.*)"$`, "m").exec(managed)?.[1]);
  const settings = "[all]\ndtparam=pciex1_gen=3\n";
  t.is(editFirmwareConfig("a=1", { settings, kernel: undefined }), `a=1\n${begin ?? "?"}\n${settings}${end ?? "?"}\n`);
});

test("sections are replaced as a whole, and go when nothing is asked for any more", (t) => {
  const first = editFirmwareConfig("a=1\n[cm5]\nb=2\n", { settings: "[all]\nx\n", kernel: "kernel=kernel8.img" });
  const second = editFirmwareConfig(first, { settings: "[all]\ny\n", kernel: undefined });
  t.false(second.includes("kernel8") || second.includes("x\n"));
  t.true(second.includes("[all]\ny\n"));
  t.is(editFirmwareConfig(second, { settings: "", kernel: undefined }), "a=1\n[cm5]\nb=2\n");
});

test("any text stays as it is around the sections, and editing twice does what editing once does", (t) => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "[all]",
      "# end bramble",
      "# begin bramble: kept by Bramble, changes inside are undone by the next `pulumi up`",
    ),
  );
  fc.assert(
    fc.property(fc.array(line), fc.boolean(), fc.boolean(), (lines, fan, pages) => {
      const text = lines.map((each) => `${each}\n`).join("");
      const ours = { settings: fan ? "[all]\nx\n" : "", kernel: pages ? "kernel=kernel8.img" : undefined };
      const edited = editFirmwareConfig(text, ours);
      t.is(editFirmwareConfig(edited, ours), edited);
    }),
  );
});
