import test from "ava";
import { leaseFindings } from "../../../../scripts/lib/doctor/lease-findings.ts";
import { finder, healthyCluster, healthySeen, lease, member, withMembers } from "./healthy.ts";

const { findsNothing, findsOne } = finder((_, seen) => leaseFindings(seen));

const withLease = (...args: Parameters<typeof lease>) =>
  healthySeen({ cluster: healthyCluster({ leases: [lease(...args)] }) });
const justNow = "2027-03-01T11:59:55.000000Z";

test("who measures now", (t) => {
  findsOne(t, withLease("measurement", "threads-1/block-3", justNow), /^note cluster: threads-1\/block-3 measures now/);
  findsOne(
    t,
    withLease("measurement", "maintenance/pi-2/1234", justNow),
    /^note cluster: nobody measures: pi-2 is being changed/,
  );
  findsOne(
    t,
    withLease("measurement", "threads-1/block-3", "2027-03-01T11:00:00Z"),
    /^note cluster: the measuring Lease is still threads-1\/block-3's, who has not renewed it for 60 min/,
  );
  findsNothing(t, withLease("measurement", null, justNow));
});

test("a change that failed keeps its slot, and that is wrong unless the node is well; one that goes on is noted", (t) => {
  const failed = { "bramble.dev/failed": "K3s does not come up: its disk is full" };
  const slot = ["k3s-change-server-0", "pi-2", justNow, failed] as const;
  const leases = [lease(...slot)];
  const away = withMembers(member("pi-2", { ready: "False" })).cluster?.nodes;
  findsOne(
    t,
    healthySeen({ cluster: healthyCluster({ leases, nodes: away }) }),
    /^wrong pi-2: an update could not change it, and stopped there: K3s does not come up.* \| mend that, then npm run up -- barn/,
  );
  const cordoned = withMembers(member("pi-2", { unschedulable: true })).cluster?.nodes;
  findsOne(t, healthySeen({ cluster: healthyCluster({ leases, nodes: cordoned }) }), /^wrong pi-2/);
  findsOne(t, withLease(...slot), /^warning pi-2: an update could not change it/);
  findsOne(t, withLease("k3s-change-agent-0", "pi-4", justNow), /^note pi-4: an update changes it \(said so 5 s ago\)/);
  findsNothing(t, withLease("k3s-change-agent-0", null, justNow));
});

test("other Leases are others' affair", (t) => {
  findsNothing(t, withLease("somebody-else", "x", justNow));
});
