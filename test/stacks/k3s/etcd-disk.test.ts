import test from "ava";
import { etcdDiskWarning } from "../../../stacks/k3s/etcd-disk.ts";
import { exampleNode, exampleSite } from "../keys/example.ts";
import { exampleFacts } from "../nodes/example-report.ts";

test("a server's etcd on an SD card or eMMC is warned of, with the setting that mends it", (t) => {
  const on = (bootDiskKind: "sd" | "emmc") => etcdDiskWarning(exampleSite(), "pi-1", exampleFacts({ bootDiskKind }));
  t.regex(on("sd") ?? "", /on an SD card here.*nodes\.pi-1\.dataDisk/);
  t.regex(on("emmc") ?? "", /on eMMC here/);
});

test("other disks, a data disk and agents are not", (t) => {
  for (const bootDiskKind of ["nvme", "usb", null] as const)
    t.is(etcdDiskWarning(exampleSite(), "pi-1", exampleFacts({ bootDiskKind })), undefined);
  t.is(etcdDiskWarning(exampleSite(), "pi-2", exampleFacts({ bootDiskKind: "sd" })), undefined);
  const site = exampleSite();
  const dataDisk = { device: "/dev/disk/by-id/nvme-1" };
  site.nodes["pi-1"] = exampleNode({ role: "server", address: "192.168.7.11", dataDisk });
  t.is(etcdDiskWarning(site, "pi-1", exampleFacts({ bootDiskKind: "sd" })), undefined);
});
