import test from "ava";
import { readCluster } from "../../../../scripts/lib/doctor/cluster.ts";
import type { Kubectl } from "../../../../stacks/nodes/measuring-lease.ts";
import { silent } from "./healthy.ts";

const listing = (...items: unknown[]) => ({ code: 0, stdout: JSON.stringify({ items }), stderr: "" });

test("nodes, pods and Bramble's Leases are read, and kubectl is asked for nothing but that", async (t) => {
  const asked: string[] = [];
  const kubectl: Kubectl = (args) => {
    asked.push(args.join(" "));
    const what = args[1] ?? "";
    // As an API server answers, with more than is looked at.
    if (what === "nodes")
      return Promise.resolve(
        listing({
          metadata: { name: "pi-1", uid: "1", annotations: { a: "b" } },
          spec: { podCIDR: "10.42.0.0/24" },
          status: {
            conditions: [{ type: "Ready", status: "True", lastHeartbeatTime: "" }],
            nodeInfo: { kubeletVersion: "v1.34.2+k3s1", osImage: "" },
          },
        }),
      );
    if (what === "pods")
      return Promise.resolve(
        listing({
          metadata: { name: "a", namespace: "x", creationTimestamp: "2027-03-01T10:00:00Z" },
          spec: {},
          status: { phase: "Pending" },
        }),
      );
    return Promise.resolve(listing({ metadata: { name: "measurement", namespace: "bramble" } }));
  };
  const seen = await readCluster("pi-1", kubectl);
  t.deepEqual(asked, [
    "get nodes --output=json --request-timeout=10s",
    "get pods --all-namespaces --output=json --request-timeout=10s",
    "get leases --namespace=bramble --output=json --request-timeout=10s",
  ]);
  t.deepEqual(seen.problems, []);
  t.is(seen.through, "pi-1");
  t.like(seen.nodes?.[0], { metadata: { name: "pi-1" }, status: { nodeInfo: { kubeletVersion: "v1.34.2+k3s1" } } });
  t.like(seen.pods?.[0], { metadata: { namespace: "x" }, status: { phase: "Pending" } });
  t.is(seen.leases?.length, 1);
});

test("what cannot be read is told, and the rest is there", async (t) => {
  const kubectl: Kubectl = (args) => {
    if (args[1] === "nodes")
      return Promise.resolve({
        code: 1,
        stdout: "",
        stderr: "E1125 memcache\nError from server: etcdserver: no leader\n",
      });
    if (args[1] === "pods") return Promise.reject(silent("pi-1"));
    return Promise.resolve(listing());
  };
  const seen = await readCluster("pi-1", kubectl);
  t.deepEqual([seen.nodes, seen.pods, seen.leases], [undefined, undefined, []]);
  t.deepEqual(seen.problems, [
    "nodes cannot be read: Error from server: etcdserver: no leader",
    "pods cannot be read: no answer on 192.168.7.11:22",
  ]);
  const odd = await readCluster("pi-1", () => Promise.resolve({ code: 0, stdout: "<html>", stderr: "" }));
  t.is(odd.problems.length, 3);
});
