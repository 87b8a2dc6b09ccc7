import test from "ava";
import type { Kubectl } from "../../../stacks/nodes/measuring-lease.ts";
import { holdsSlot, withSlot } from "../../../stacks/k3s/slots.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { FakeCluster, refused } from "./fake-cluster.ts";
import { VirtualClock } from "../../virtual-clock.ts";

const seconds = 1000;

/** A cluster in virtual time, and changes of its nodes. */
function setUp(...nodes: string[]) {
  const cluster = new FakeCluster(...nodes);
  const clock = new VirtualClock();
  /** Nodes whose change has begun, in this order. */
  const begun: string[] = [];
  let atWork = 0;
  const most = { atWork: 0 };
  const change = (
    node: string,
    {
      lasts = 30,
      count = 1,
      fails,
      kubectl = cluster.kubectl,
      kind = "agent",
    }: { lasts?: number; count?: number; fails?: string; kubectl?: Kubectl; kind?: "agent" | "server" } = {},
  ) =>
    withSlot(
      kubectl,
      { kind, node, count },
      async () => {
        begun.push(node);
        most.atWork = Math.max(most.atWork, ++atWork);
        await clock.sleep(lasts * seconds);
        atWork--;
        if (fails !== undefined) throw new Error(fails);
        return node;
      },
      clock,
    );
  /** Of a change that is killed after a while: nothing of it is heard again. */
  const killable = () => {
    let dead = false;
    const kubectl: Kubectl = async (args, stdin) => {
      const result = await (dead ? new Promise<never>(() => undefined) : cluster.kubectl(args, stdin));
      return result;
    };
    return {
      kubectl,
      kill: () => {
        dead = true;
      },
    };
  };
  return { cluster, clock, begun, most, change, killable };
}

test("no more than so many nodes are changed at once, and no slot stays taken", async (t) => {
  for (const count of [1, 2]) {
    const { cluster, clock, begun, most, change } = setUp("pi-2", "pi-3", "pi-4", "pi-5");
    await clock.run(Promise.all(["pi-2", "pi-3", "pi-4", "pi-5"].map((node) => change(node, { count }))));
    t.is(begun.length, 4);
    t.is(most.atWork, count);
    t.deepEqual(cluster.holders(), {});
  }
});

test("servers and agents have slots of their own", async (t) => {
  const { clock, most, change } = setUp("pi-1", "pi-2");
  await clock.run(Promise.all([change("pi-1", { kind: "server" }), change("pi-2")]));
  t.is(most.atWork, 2);
});

test("before the site has its namespace, the work is done at once", async (t) => {
  const { cluster, clock, begun, change } = setUp();
  cluster.hasNamespace = false;
  t.is(await clock.run(change("pi-2")), "pi-2");
  t.deepEqual(begun, ["pi-2"]);
  t.is(cluster.leases.size, 0);
});

test("a change that failed keeps its slot, and no other begins, though there is another slot", async (t) => {
  const { cluster, clock, begun, change } = setUp("pi-2", "pi-3", "pi-4");
  const first = change("pi-2", {
    count: 2,
    lasts: 5,
    fails: "pi-2: K3s does not come up: its disk is full\n  Next: ...",
  });
  const second = change("pi-3", { count: 2, lasts: 60 });
  const third = change("pi-4", { count: 2 });
  const [failed, done, refusal] = await clock.run(Promise.allSettled([first, second, third]));
  t.is(failed.status, "rejected");
  t.is(done.status, "fulfilled", "what was at work goes on");
  if (refusal.status !== "rejected") throw new Error("another one has begun");
  t.true(refusal.reason instanceof UserError);
  t.regex(
    String(refusal.reason),
    /pi-4: not begun, since pi-2's change failed: K3s does not come up: its disk is full\n {2}Next: mend pi-2 and run `pulumi up` again/,
  );
  t.deepEqual(begun, ["pi-2", "pi-3"]);
  t.deepEqual(Object.values(cluster.holders()), ["pi-2"]);
  t.true(await holdsSlot(cluster.kubectl, { kind: "agent", node: "pi-2" }));
  t.false(await holdsSlot(cluster.kubectl, { kind: "agent", node: "pi-3" }));
  t.false(await holdsSlot(cluster.kubectl, { kind: "server", node: "pi-2" }));
});

async function withFailed(...nodes: string[]) {
  const all = setUp(...nodes);
  await all.clock.run(change(all, "no power").catch(() => undefined));
  all.begun.length = 0;
  return all;
}
const change = ({ change: one }: ReturnType<typeof setUp>, fails: string) => one("pi-2", { fails });

test("the next update goes on with the node whose change failed, whoever comes first", async (t) => {
  const { cluster, clock, begun, change: one } = await withFailed("pi-2", "pi-3", "pi-4");
  const others = ["pi-3", "pi-4"].map((node) => one(node, { count: 2 }));
  const late = clock.sleep(20 * seconds).then(() => one("pi-2", { count: 2 }));
  await clock.run(Promise.all([...others, late]));
  t.is(begun[0], "pi-2");
  t.is(begun.length, 3);
  t.deepEqual(cluster.holders(), {});
});

test("where that node does not begin again, no other does, unless it is well", async (t) => {
  const away = await withFailed("pi-2", "pi-3");
  away.cluster.setReady("pi-2", false);
  await t.throwsAsync(away.clock.run(away.change("pi-3")), { message: /pi-3: not begun, since pi-2's change failed/ });

  const emptied = await withFailed("pi-2", "pi-3");
  emptied.cluster.node("pi-2").spec.unschedulable = true;
  await t.throwsAsync(emptied.clock.run(emptied.change("pi-3")), { message: /kubectl delete node pi-2/ });

  const well = await withFailed("pi-2", "pi-3");
  t.is(await well.clock.run(well.change("pi-3")), "pi-3", "its change was taken back: nothing is to be done to it");
  t.deepEqual(well.cluster.holders(), {});
});

test("a server is not kept waiting by one that comes after it", async (t) => {
  const { cluster, clock, change: one } = setUp("pi-1", "pi-2");
  await clock.run(one("pi-2", { kind: "server", fails: "bad configuration" }).catch(() => undefined));
  cluster.setReady("pi-2", false);
  const before = clock.now();
  t.is(await clock.run(one("pi-1", { kind: "server", lasts: 0 })), "pi-1");
  t.true(clock.now() - before < 10 * seconds);
});

test("one that fails again stops the others again", async (t) => {
  const { clock, begun, change: one } = await withFailed("pi-2", "pi-3");
  const [, other] = await clock.run(Promise.allSettled([one("pi-2", { fails: "still no power" }), one("pi-3")]));
  t.regex(other.status === "rejected" ? String(other.reason) : "", /since pi-2's change failed: still no power/);
  t.deepEqual(begun, ["pi-2"]);
});

test("the slot of a node that left the cluster is free at once, failed or not", async (t) => {
  const { cluster, clock, change: one } = await withFailed("pi-2", "pi-3");
  cluster.nodes.delete("pi-2");
  const before = clock.now();
  await clock.run(one("pi-3", { lasts: 0 }));
  t.true(clock.now() - before < 10 * seconds);
});

test("a slot whose holder was killed and left the cluster does not have to expire", async (t) => {
  const { cluster, clock, change: one, killable } = setUp("pi-2", "pi-3");
  const { kubectl, kill } = killable();
  void one("pi-2", { kubectl, lasts: 1e9 });
  await clock.run(clock.sleep(5 * seconds));
  kill();
  cluster.nodes.delete("pi-2");
  const before = clock.now();
  await clock.run(one("pi-3", { lasts: 0 }));
  t.true(clock.now() - before < 40 * seconds);
});

test("a holder that renews costs its cluster one question a look", async (t) => {
  const { cluster, clock, change: one } = setUp("pi-2", "pi-3");
  const both = Promise.all([one("pi-2", { lasts: 300 }), one("pi-3")]);
  await clock.run(clock.sleep(20 * seconds));
  cluster.asked.length = 0;
  await clock.run(clock.sleep(60 * seconds));
  t.true(cluster.asked.length < 45, String(cluster.asked.length));
  await clock.run(both);
});

test("a node takes up the slot of its own change that was cut off, and another one waits until it expires", async (t) => {
  const { cluster, clock, begun, change: one, killable } = setUp("pi-2", "pi-3");
  const { kubectl, kill } = killable();
  void one("pi-2", { kubectl, lasts: 1e9 });
  await clock.run(clock.sleep(30 * seconds));
  kill();
  t.deepEqual(Object.values(cluster.holders()), ["pi-2"]);
  const waiting = one("pi-3", { lasts: 5 });
  await clock.run(clock.sleep(30 * seconds));
  t.deepEqual(begun, ["pi-2"]);
  await clock.run(one("pi-2", { lasts: 5 }));
  t.is(await clock.run(waiting), "pi-3");
  t.deepEqual(begun, ["pi-2", "pi-2", "pi-3"]);
  t.deepEqual(cluster.holders(), {});
});

test("an abandoned slot is taken once it has expired", async (t) => {
  const { cluster, clock, begun, change: one, killable } = setUp("pi-2", "pi-3");
  const { kubectl, kill } = killable();
  void one("pi-2", { kubectl, lasts: 1e9 });
  await clock.run(clock.sleep(5 * seconds));
  kill();
  t.is(await clock.run(one("pi-3")), "pi-3");
  t.deepEqual(begun, ["pi-2", "pi-3"]);
  t.deepEqual(cluster.holders(), {});
});

test("a change whose slot was taken over neither takes it back nor gives it away", async (t) => {
  const { cluster, clock, change: one } = setUp("pi-2", "pi-3");
  let hears = true;
  const kubectl: Kubectl = (args, stdin) =>
    hears ? cluster.kubectl(args, stdin) : Promise.resolve({ code: 1, stdout: "", stderr: refused });
  for (const fails of [undefined, "no power"]) {
    const slow = one("pi-2", { kubectl, lasts: 400, ...(fails === undefined ? {} : { fails }) });
    await clock.run(clock.sleep(5 * seconds));
    // Cut off from the servers, alone among all.
    hears = false;
    const other = one("pi-3", { lasts: 600 });
    await clock.run(clock.sleep(200 * seconds));
    hears = true;
    t.deepEqual(Object.values(cluster.holders()), ["pi-3"]);
    await clock.run(slow.catch(() => undefined));
    t.deepEqual(Object.values(cluster.holders()), ["pi-3"]);
    await clock.run(other);
    t.deepEqual(cluster.holders(), {});
  }
});

test("a cluster that nobody can ask for a while has lost no holder", async (t) => {
  const { cluster, clock, most, change: one } = setUp("pi-2", "pi-3");
  const both = Promise.all([one("pi-2", { lasts: 400 }), one("pi-3", { lasts: 10 })]);
  // From just before a renewal until just before another one, longer than a silent holder is waited for.
  await clock.run(clock.sleep(19.2 * seconds));
  cluster.silence = refused;
  await clock.run(clock.sleep(119 * seconds));
  cluster.silence = undefined;
  await clock.run(both);
  t.is(most.atWork, 1);
});

test("one who waits for a cluster that stays silent ends with what it said", async (t) => {
  const { cluster, clock, change: one } = setUp("pi-2");
  cluster.silence = refused;
  await t.throwsAsync(clock.run(one("pi-2")), { message: /the slots cannot be read: .*refused/ });
});

test("how the work ended counts, whatever becomes of the slot; it is written when the cluster can be asked again", async (t) => {
  for (const fails of [undefined, "no power"]) {
    const { cluster, clock, begun, change: one } = setUp("pi-2", "pi-3");
    const work = one("pi-2", { lasts: 20, ...(fails === undefined ? {} : { fails }) });
    const other = one("pi-3", { lasts: 1 });
    await clock.run(clock.sleep(15 * seconds));
    cluster.silence = refused;
    await clock.run(clock.sleep(50 * seconds));
    cluster.silence = undefined;
    const [ours, theirs] = await clock.run(Promise.allSettled([work, other]));
    t.is(ours.status, fails === undefined ? "fulfilled" : "rejected");
    t.is(theirs.status, fails === undefined ? "fulfilled" : "rejected");
    t.deepEqual(begun, fails === undefined ? ["pi-2", "pi-3"] : ["pi-2"]);
  }
});

test("with fewer slots than before, a slot beyond them stops nobody for ever, and counts while it is held", async (t) => {
  const { cluster, clock, most, begun, change: one } = setUp("pi-2", "pi-3", "pi-4");
  await clock.run(
    Promise.allSettled([one("pi-3", { count: 2, lasts: 60 }), one("pi-2", { count: 2, lasts: 90, fails: "no power" })]),
  );
  t.deepEqual(cluster.holders(), { "k3s-change-agent-1": "pi-2" });
  most.atWork = 0;
  begun.length = 0;
  await clock.run(Promise.all([one("pi-4"), one("pi-2"), one("pi-3")]));
  t.is(begun[0], "pi-2");
  t.is(most.atWork, 1);
  t.deepEqual(cluster.holders(), {});

  const held = one("pi-2", { count: 2, lasts: 300 });
  const beyond = one("pi-3", { count: 2, lasts: 600 });
  await clock.run(held);
  t.deepEqual(cluster.holders(), { "k3s-change-agent-1": "pi-3" });
  most.atWork = 0;
  await clock.run(Promise.all([one("pi-4", { count: 1 }), beyond]));
  t.is(most.atWork, 1);
  t.is(begun.at(-1), "pi-4");
  t.deepEqual(cluster.holders(), {});
});
