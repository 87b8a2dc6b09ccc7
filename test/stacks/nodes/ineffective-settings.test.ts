import test from "ava";
import { ineffectiveSettings } from "../../../stacks/nodes/ineffective-settings.ts";
import { exampleNode, exampleSite } from "../keys/example.ts";
import { exampleFacts } from "./example-report.ts";

test("another page size than demanded, by the node before its site, is told", (t) => {
  const site = exampleSite();
  const told = (pageSize: number) => ineffectiveSettings(site, "pi-1", exampleFacts({ pageSize }));
  t.deepEqual(told(16384), []);
  site.firmware.pageSize = 4096;
  t.regex(told(16384)[0] ?? "", /pages are 16384 bytes, not 4096/);
  t.deepEqual(told(4096), []);
  site.nodes["pi-1"] = exampleNode({ role: "server", address: "192.168.7.11", firmware: { pageSize: 16384 } });
  t.deepEqual(told(16384), []);
});
