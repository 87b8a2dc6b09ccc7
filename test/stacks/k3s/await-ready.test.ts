import test from "ava";
import type { Kubectl } from "../../../stacks/nodes/measuring-lease.ts";
import { awaitReady, type Waiting } from "../../../stacks/k3s/await-ready.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { FakeCluster, refused } from "./fake-cluster.ts";
import { VirtualClock } from "../../virtual-clock.ts";

const version = "v1.35.4+k3s1";
const refusal = 'level=fatal msg="starting kubernetes: Node password rejected, duplicate hostname"';

/** Waits in virtual time; `events` happen so many seconds after it began. */
function setUp() {
  const cluster = new FakeCluster();
  const clock = new VirtualClock();
  const said: string[] = [];
  let journal: readonly string[] = [];
  const setJournal = (...lines: string[]) => {
    journal = lines;
  };
  const at = (seconds: number, event: () => void) => {
    void clock.sleep(seconds * 1000).then(event);
  };
  const wait = (more: Partial<Waiting> = {}, limit = 60) =>
    clock.run(
      awaitReady(
        "pi-2",
        version,
        limit,
        {
          kubectl: () => Promise.resolve(cluster.kubectl),
          journal: () => Promise.resolve(journal),
          say: (line) => said.push(line),
          ...more,
        },
        clock,
      ),
    );
  return { cluster, clock, said, setJournal, at, wait };
}

test("a node is waited for until it is in the cluster, Ready, and at its version", async (t) => {
  const { cluster, clock, at, wait } = setUp();
  at(5, () => {
    cluster.addNode("pi-2", "v1.34.2+k3s1");
    cluster.setReady("pi-2", false);
  });
  at(10, () => {
    cluster.setReady("pi-2", true);
  });
  at(20, () => {
    cluster.setReady("pi-2", false, version);
  });
  at(30, () => {
    cluster.setReady("pi-2", true);
  });
  await wait();
  t.is(clock.now(), 30_000);
});

test("one that stays at another version, or away, is named with its state and its journal when time is up", async (t) => {
  const old = setUp();
  old.cluster.addNode("pi-2", "v1.34.2+k3s1");
  old.setJournal("first", "last");
  const error = await t.throwsAsync(old.wait(), { instanceOf: UserError });
  t.regex(
    error.message,
    /^pi-2: after 6\d s still not Ready at v1\.35\.4\+k3s1: Ready at v1\.34\.2\+k3s1\n {4}first\n {4}last\n {2}Next: see what K3s says/,
  );
  t.deepEqual(old.said, [
    "pi-2: waiting for K3s, 30 s: Ready at v1.34.2+k3s1",
    "pi-2: waiting for K3s, 60 s: Ready at v1.34.2+k3s1",
  ]);

  const silent = setUp();
  await t.throwsAsync(silent.wait(), {
    message: /still not Ready at v1\.35\.4\+k3s1: not in the cluster yet\n {2}Next: /,
  });
  await t.throwsAsync(silent.wait({ kubectl: () => Promise.resolve(undefined) }), { message: /: no API answers\n/ });
  const statusless = setUp();
  statusless.cluster.addNode("pi-2", version).status.conditions = [];
  await t.throwsAsync(statusless.wait(), { message: /: not Ready at v1\.35\.4\+k3s1\n/ });
});

test("a problem that its journal shows again and again ends the waiting early, with cause and next action", async (t) => {
  const { clock, setJournal, at, wait } = setUp();
  for (let second = 1; second < 90; second += 8)
    at(second, () => {
      setJournal("level=info msg=starting", `time="0${second}" ${refusal}`, "level=info msg=again");
    });
  const error = await t.throwsAsync(wait({}, 900), { instanceOf: UserError });
  t.regex(
    error.message,
    /^pi-2: K3s does not come up: another board has taken its name.*\n {4}level=info msg=starting\n/,
  );
  t.regex(error.message, /\n {2}Next: give one of both another name.*; then run `pulumi up` again$/);
  t.true(clock.now() < 90_000);
});

test("a problem that was met once and stands in the journal still does not", async (t) => {
  const { cluster, setJournal, at, wait } = setUp();
  setJournal(refusal, "level=info msg=joined");
  at(50, () => cluster.addNode("pi-2", version));
  await t.notThrowsAsync(wait());
});

test("a problem that goes by itself, or another one each time, does not", async (t) => {
  const { cluster, setJournal, at, wait } = setUp();
  for (let second = 0; second < 50; second += 10) {
    at(second + 0.5, () => {
      setJournal(`${second} ${refusal}`);
    });
    at(second + 9.5, () => {
      setJournal();
    });
  }
  at(50, () => cluster.addNode("pi-2", version));
  await t.notThrowsAsync(wait());
});

test("a node that does not answer has no journal, and is waited for", async (t) => {
  const { cluster, at, wait } = setUp();
  let asked = 0;
  at(40, () => cluster.addNode("pi-2", version));
  await wait({
    journal: () => {
      asked++;
      return Promise.resolve([]);
    },
  });
  t.true(asked > 1);
});

test("a server that goes away meanwhile only costs time", async (t) => {
  const { cluster, clock, said, at, wait } = setUp();
  cluster.addNode("pi-2", version);
  cluster.silence = refused;
  let away = true;
  const gone = new NodeUnavailable({ node: "pi-1", address: "192.168.7.11", port: 22, user: "bramble" }, "unreachable");
  const kubectl: Kubectl = (args, stdin) => (away ? Promise.reject(gone) : cluster.kubectl(args, stdin));
  at(35, () => {
    away = false;
  });
  at(40, () => {
    cluster.silence = undefined;
  });
  await wait({ kubectl: () => Promise.resolve(kubectl) });
  t.is(clock.now(), 40_000);
  t.deepEqual(said, ["pi-2: waiting for K3s, 30 s: pi-1: no answer on 192.168.7.11:22"]);
});

test("the server that answered is asked again, and another one is looked for only when it no longer does", async (t) => {
  const { cluster, at, wait } = setUp();
  const other = new FakeCluster("pi-2");
  let looks = 0;
  at(20, () => {
    cluster.silence = refused;
  });
  await wait({
    kubectl: () => {
      looks += 1;
      return Promise.resolve(looks === 1 ? cluster.kubectl : other.kubectl);
    },
  });
  t.is(looks, 2);
  t.true(cluster.asked.length > 15);
});

test("of a node that is nearly Ready kubectl tells the moment", async (t) => {
  const { cluster, clock, at, wait } = setUp();
  cluster.addNode("pi-2", version);
  cluster.setReady("pi-2", false);
  cluster.readiness = () => clock.sleep(2300);
  at(2.2, () => {
    cluster.setReady("pi-2", true);
  });
  await wait();
  t.is(clock.now(), 2300);
  t.is(cluster.asked.filter((line) => line.startsWith("get node")).length, 2);
});

test("after a restart the kubelet has to be heard from anew: a node goes on being called Ready for a while", async (t) => {
  const { cluster, clock, at, wait } = setUp();
  cluster.addNode("pi-2", version);
  cluster.renewKubelet("pi-2");
  at(25, () => {
    cluster.renewKubelet("pi-2");
  });
  await wait({ restarted: true });
  t.is(clock.now(), 25_000);
  const dead = setUp();
  dead.cluster.addNode("pi-2", version);
  dead.cluster.renewKubelet("pi-2");
  await t.throwsAsync(dead.wait({ restarted: true }), { message: /: its kubelet is not heard from again yet\n/ });
});

test("a kubelet that has no Lease yet is heard from with its first one", async (t) => {
  const { cluster, clock, at, wait } = setUp();
  at(5, () => {
    cluster.addNode("pi-2", version);
    cluster.renewKubelet("pi-2");
  });
  await wait({ restarted: true });
  t.is(clock.now(), 5_000);
});
