import test from "ava";
import { exampleNode } from "../../../stacks/keys/example.ts";
import { backupFindings, diskFindings, snapshotFindings } from "../../../../scripts/lib/doctor/disk-findings.ts";
import { exampleSite, finder, healthySeen, ofEachNode, site, withNode } from "./healthy.ts";

const { findsNothing, findsOne } = finder(ofEachNode(diskFindings), ofEachNode(snapshotFindings), (_, seen) =>
  backupFindings(seen),
);

const disk = (diskMegabytes: number | null, diskFreeMegabytes: number | null) =>
  withNode("pi-4", { k3s: { diskMegabytes, diskFreeMegabytes } });

test("a disk that is nearly full: below a tenth a warning, below 500 MB wrong", (t) => {
  findsOne(t, disk(30_000, 2_999), /^warning pi-4: its disk is nearly full: 3\.0 GB of 30\.0 GB left \| .*dataDisk$/);
  findsOne(t, disk(30_000, 499), /^wrong pi-4: its disk is nearly full: 499 MB of 30\.0 GB left/);
  findsOne(t, disk(null, 499), /^wrong pi-4/);
  findsNothing(t, disk(30_000, 3_000));
  findsNothing(t, disk(4_000, 500));
  findsNothing(t, disk(null, null));
});

test("etcd on a card that wears out", (t) => {
  const seen = withNode("pi-1", { facts: { bootDiskKind: "sd" } });
  findsOne(
    t,
    seen,
    /^warning pi-1: etcd writes all the time, and lives on an SD card here, which wears out \| give it an NVMe/,
  );
  findsNothing(t, withNode("pi-4", { facts: { bootDiskKind: "sd" } }));
  const dataDisk = { device: "/dev/disk/by-id/nvme-1" };
  const moved = {
    ...site,
    nodes: { ...site.nodes, "pi-1": exampleNode({ role: "server", address: "192.168.7.11", dataDisk }) },
  };
  findsNothing(t, seen, moved);
});

const snapshots = (time: string | undefined) =>
  withNode("pi-2", {
    k3s: {
      snapshots:
        time === undefined
          ? null
          : [
              { name: "old", megabytes: 1, time: "2027-01-01T00:00:00Z" },
              { name: "new", megabytes: 1, time },
            ],
    },
  });

test("a server whose newest snapshot is too old for its schedule", (t) => {
  findsOne(
    t,
    snapshots("2027-02-28T11:00:00Z"),
    /^warning pi-2: its newest etcd snapshot is 25 h old \(schedule: 0 \*\/6 \* \* \*\)/,
  );
  findsNothing(t, snapshots("2027-02-28T13:00:00Z"));
  const daily = exampleSite({ k3s: { snapshots: { schedule: "@daily" } } });
  findsNothing(t, snapshots("2027-02-27T00:00:00Z"), daily);
  findsOne(t, snapshots("2027-02-26T00:00:00Z"), /^warning pi-2/, daily);
});

test("a server without a snapshot: a warning once one was due", (t) => {
  findsOne(t, snapshots(undefined), /^warning pi-2: has no etcd snapshot yet/);
  const monthly = exampleSite({ k3s: { snapshots: { schedule: "@monthly" } } });
  findsOne(t, snapshots(undefined), /^note pi-2: has no etcd snapshot yet/, monthly);
  findsNothing(t, withNode("pi-4", { k3s: { snapshots: null } }));
});

test("no backup on this machine, or an old one", (t) => {
  findsOne(
    t,
    healthySeen({ newestBackup: undefined }),
    /^warning cluster: there is no backup .* \| npm run backup -- barn$/,
  );
  findsOne(
    t,
    healthySeen({ newestBackup: new Date("2027-01-01T00:00:00Z") }),
    /^warning cluster: the newest backup .* is 59 days old/,
  );
});
