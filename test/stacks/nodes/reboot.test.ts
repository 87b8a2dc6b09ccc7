import test from "ava";
import { firmwareVersion } from "../../../stacks/nodes/reboot.ts";
import { exampleSite } from "../keys/example.ts";

test("what a reboot depends on changes with the firmware's settings and with nothing else", (t) => {
  const site = exampleSite();
  const plain = firmwareVersion(site, "pi-1");
  t.is(plain, "the image's own");
  t.is(firmwareVersion({ ...site, timeZone: "Europe/Madrid" }, "pi-1"), plain);
  const fast = firmwareVersion({ ...site, firmware: { pcieGeneration: 3 } }, "pi-1");
  t.regex(fast, /^[0-9a-f]{8}$/);
  t.not(firmwareVersion({ ...site, firmware: { pcieGeneration: 2 } }, "pi-1"), fast);
});
