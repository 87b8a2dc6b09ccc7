import test from "ava";
import type { Kubectl } from "../../../stacks/nodes/measuring-lease.ts";
import { drained, must, takePodsAgain } from "../../../stacks/k3s/drain.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { FakeCluster, refused } from "./fake-cluster.ts";
import { VirtualClock } from "../../virtual-clock.ts";

const unreachable = new NodeUnavailable(
  { node: "pi-1", address: "192.168.7.11", port: 22, user: "bramble" },
  "unreachable",
);

/** pi-2 of a cluster in virtual time, to be emptied. */
function setUp() {
  const cluster = new FakeCluster("pi-2");
  const clock = new VirtualClock();
  const { spec, metadata } = cluster.node("pi-2");
  const state = () => ({ cordoned: spec.unschedulable === true, ours: "bramble.dev/cordoned" in metadata.annotations });
  const empty = (
    work: () => Promise<unknown> = () => Promise.resolve(7),
    limit = 100,
    kubectl: () => Promise<Kubectl> = () => Promise.resolve(cluster.kubectl),
  ) => clock.run(drained(kubectl, "pi-2", limit, work, clock));
  const drains = () => cluster.asked.filter((line) => line.startsWith("drain "));
  return { cluster, clock, state, empty, drains };
}

test("a node is cordoned and emptied before the work, and takes pods again after it", async (t) => {
  const { state, empty, drains } = setUp();
  const done = await empty(() => {
    t.deepEqual(state(), { cordoned: true, ours: true });
    t.deepEqual(drains(), [
      "drain pi-2 --ignore-daemonsets --delete-emptydir-data --skip-wait-for-delete-timeout=30 --timeout=40s",
    ]);
    return Promise.resolve(7);
  });
  t.is(done, 7);
  t.deepEqual(state(), { cordoned: false, ours: false });
});

test("a node that a person cordoned stays cordoned", async (t) => {
  const { cluster, state, empty, drains } = setUp();
  cluster.node("pi-2").spec.unschedulable = true;
  await empty();
  t.is(drains().length, 1);
  t.deepEqual(state(), { cordoned: true, ours: false });
  cluster.drains.push("error: cannot delete Pods that declare no controller (use --force to override): a/b");
  await t.throwsAsync(empty());
  t.deepEqual(state(), { cordoned: true, ours: false });
});

test("where the work fails the node stays empty, and the next time it takes pods again", async (t) => {
  const { cluster, state, empty } = setUp();
  await t.throwsAsync(
    empty(() => Promise.reject(new Error("no power"))),
    { message: "no power" },
  );
  t.deepEqual(state(), { cordoned: true, ours: true });
  await empty();
  t.deepEqual(state(), { cordoned: false, ours: false });
  await t.throwsAsync(empty(() => Promise.reject(new Error("no power"))));
  await takePodsAgain(cluster.kubectl, "pi-2");
  t.deepEqual(state(), { cordoned: false, ours: false });
  const asked = cluster.asked.length;
  await takePodsAgain(cluster.kubectl, "pi-2");
  await takePodsAgain(cluster.kubectl, "pi-9");
  t.is(cluster.asked.length, asked + 2, "nothing was changed where nothing is to be given back");
});

// As kubectl 1.34 prints it.
const unowned = `node/pi-2 already cordoned
error: unable to drain node "pi-2" due to error: [cannot delete cannot delete Pods that declare no controller (use --force to override): default/debug, lab.one/shell-2, cannot delete daemonsets.apps "lost" not found: kube-system/lost-x], continuing command...
There are pending nodes to be drained:
 pi-2
cannot delete cannot delete Pods that declare no controller (use --force to override): default/debug, lab.one/shell-2
`;
const budget = `error when evicting pods/"model-0" -n "field" (will retry after 5s): Cannot evict pod as it would violate the pod's disruption budget.
There are pending pods in node "pi-2" when an error occurred: error when evicting pods/"model-0" -n "field": global timeout reached: 40s
pod/model-0
error: unable to drain node "pi-2" due to error: error when evicting pods/"model-0" -n "field": global timeout reached: 40s, continuing command...
There are pending nodes to be drained:
 pi-2
error when evicting pods/"model-0" -n "field": global timeout reached: 40s
`;
const slow = `error: unable to drain node "pi-2" due to error: error when waiting for pod "old-1" in namespace "lab" to terminate: global timeout reached: 40s, continuing command...`;

test("pods that nobody would make again are named at once, and the node takes pods again", async (t) => {
  for (const [said, pods] of [
    [unowned, "default/debug, lab.one/shell-2"],
    [unowned.replaceAll(", lab.one/shell-2", "").replace(/, cannot delete daemonsets[^\]]*/, ""), "default/debug"],
    [
      `error: unable to drain node "pi-2" due to error: cannot delete Pods declare no controller (use --force to override): a/b, continuing command...`,
      "a/b",
    ],
  ] as const) {
    const { cluster, state, empty, drains } = setUp();
    cluster.drains.push(said);
    const error = await t.throwsAsync(empty(), { instanceOf: UserError });
    t.true(
      error.message.startsWith(`pi-2: holds pods that nobody would make again: ${pods}\n  Next: delete them or give`),
      error.message,
    );
    t.is(drains().length, 1);
    t.deepEqual(state(), { cordoned: false, ours: false });
  }
});

test("a PodDisruptionBudget is respected until the limit; then the pods that stayed are named", async (t) => {
  const { cluster, clock, state, empty, drains } = setUp();
  const asking = cluster.kubectl;
  const kubectl: Kubectl = async (args, stdin) => {
    if (args[0] === "drain") {
      cluster.drains.push(drains().length % 2 === 0 ? budget : slow);
      await clock.sleep(1000 * Number(/--timeout=(\d+)s/.exec(args.join(" "))?.[1]));
    }
    return await asking(args, stdin);
  };
  const error = await t.throwsAsync(
    empty(undefined, 200, () => Promise.resolve(kubectl)),
    { instanceOf: UserError },
  );
  t.regex(error.message, /^pi-2: could not be emptied in 200 s, since (field\/model-0|lab\/old-1) stayed:\n {4}/);
  t.regex(error.message, /\n {2}Next: give what stays there a second replica or a wider PodDisruptionBudget/);
  t.true(drains().length > 3);
  t.false(drains().some((line) => line.includes("--force")));
  t.deepEqual(state(), { cordoned: false, ours: false });
});

test("a server that goes away meanwhile is asked again, or another one, and costs no more than the limit", async (t) => {
  const { cluster, empty, drains } = setUp();
  cluster.drains.push(refused, { thrown: unreachable }, "error: etcdserver: leader changed");
  let servers = 0;
  await empty(undefined, 100, () => {
    servers++;
    return Promise.resolve(cluster.kubectl);
  });
  t.is(drains().length, 4);
  t.true(servers >= 4, "each try may ask another server");
  cluster.drains.push(...Array.from({ length: 1000 }, () => refused));
  const error = await t.throwsAsync(empty(undefined, 100), { instanceOf: UserError });
  t.regex(error.message, /could not be emptied in 100 s:\n {4}The connection to the server .* was refused/);
  t.true(drains().length < 100, "it is not asked without a pause");
});

test("a node that was changed well is given back, however long the cluster was silent meanwhile", async (t) => {
  const { cluster, clock, state, empty } = setUp();
  await empty(() => {
    cluster.silence = refused;
    void clock.sleep(60_000).then(() => {
      cluster.silence = undefined;
    });
    return Promise.resolve();
  });
  t.deepEqual(state(), { cordoned: false, ours: false });
});

test("a failure to empty a node is told, though it could not be given back either", async (t) => {
  const { cluster, state, empty } = setUp();
  cluster.drains.push(unowned);
  const asking = cluster.kubectl;
  const kubectl: Kubectl = async (args, stdin) => {
    const result = await asking(args, stdin);
    if (args[0] === "drain") cluster.silence = refused;
    return result;
  };
  await t.throwsAsync(
    empty(undefined, 100, () => Promise.resolve(kubectl)),
    { message: /nobody would make again/ },
  );
  t.deepEqual(state(), { cordoned: true, ours: true }, "the next change gives it back");
});

test("a node that the cluster does not have is not emptied, and worked on all the same", async (t) => {
  const { cluster, empty, drains } = setUp();
  cluster.nodes.delete("pi-2");
  t.is(await empty(), 7);
  t.deepEqual(drains(), []);
});

test("what kubectl refuses is an error in its words, for people", async (t) => {
  const refusing: Kubectl = () =>
    Promise.resolve({ code: 1, stdout: "", stderr: "Error from server (Forbidden): nodes is forbidden\n" });
  await t.throwsAsync(must(refusing, ["get", "node", "pi-2", "--output=json"]), {
    instanceOf: UserError,
    message: /^kubectl get node pi-2 failed: Error from server \(Forbidden\): nodes is forbidden\n {2}Next: /,
  });
});
