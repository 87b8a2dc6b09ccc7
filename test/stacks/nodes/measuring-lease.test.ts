import test from "ava";
import { measuringHolder, withoutMeasurements, type Kubectl } from "../../../stacks/nodes/measuring-lease.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { LeaseConflict, stateOf, type Lease } from "../../../workloads/benchmark/lease.ts";
import { FakeLease } from "../../workloads/benchmark/fake-lease.ts";

const ok = (value: unknown) => ({ code: 0, stdout: JSON.stringify(value), stderr: "" });
const failed = (stderr: string) => ({ code: 1, stdout: "", stderr });

/** kubectl in front of one Lease. */
function kubectlOf(lease: FakeLease): Kubectl {
  return async (args, stdin) => {
    if (args[0] === "get") return ok(await lease.get());
    try {
      return ok(await lease.update(JSON.parse(stdin ?? "") as Lease));
    } catch (error) {
      if (error instanceof LeaseConflict) return failed("Error from server (Conflict): the object has been modified");
      throw error;
    }
  };
}

test("where the Lease is free it is held while the work goes on, and given back", async (t) => {
  const lease = new FakeLease();
  const value = await withoutMeasurements(kubectlOf(lease), "pi-2", () => {
    t.regex(stateOf(lease.current).holder?.id ?? "", /^maintenance\/pi-2\//);
    return Promise.resolve(7);
  });
  t.is(value, 7);
  t.deepEqual(stateOf(lease.current), { holder: null, queue: [] });
});

test("it is given back when the work fails, too, and the failure is the work's", async (t) => {
  const lease = new FakeLease();
  const work = () => Promise.reject(new Error("no power"));
  await t.throwsAsync(withoutMeasurements(kubectlOf(lease), "pi-2", work), { message: "no power" });
  t.is(stateOf(lease.current).holder, null);
});

test("a block that measures is named, is not disturbed, and nobody is left in its queue", async (t) => {
  const lease = new FakeLease();
  const block = "llama-pi-2/block-3";
  const kubectl = kubectlOf(lease);
  let renewals = 0;
  const renewing: Kubectl = async (args, stdin) => {
    if (args[0] === "get") {
      const current = await lease.get();
      await lease.update({ ...current, spec: { holderIdentity: block, renewTime: String(renewals++) } });
    }
    return await kubectl(args, stdin);
  };
  const work = () => Promise.reject(new Error("disturbed"));
  const error = await t.throwsAsync(withoutMeasurements(renewing, "pi-2", work), { instanceOf: UserError });
  t.regex(error.message, /pi-2: has to reboot, but llama-pi-2\/block-3 measures[^]*pulumi up/);
  t.deepEqual(stateOf(lease.current).queue, []);
  t.is(stateOf(lease.current).holder?.id, block);
});

test("two nodes that have to reboot do it one after the other", async (t) => {
  const lease = new FakeLease();
  let atWork = 0;
  const work = async () => {
    t.is(++atWork, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    atWork--;
  };
  await Promise.all(["pi-1", "pi-2"].map((node) => withoutMeasurements(kubectlOf(lease), node, work)));
  t.is(lease.holders.length, 2);
});

test("the refusal says in the caller's words what would disturb the block", async (t) => {
  const lease = new FakeLease();
  let renewals = 0;
  const renewing: Kubectl = async (args, stdin) => {
    if (args[0] === "get")
      await lease.update({
        ...(await lease.get()),
        spec: { holderIdentity: "llama/block-3", renewTime: String(renewals++) },
      });
    return await kubectlOf(lease)(args, stdin);
  };
  const work = () => Promise.reject(new Error("disturbed"));
  const error = await t.throwsAsync(
    withoutMeasurements(renewing, "pi-2", work, { reason: "its K3s has to be restarted", group: "k3s" }),
    { instanceOf: UserError },
  );
  t.regex(error.message, /^pi-2: its K3s has to be restarted, but llama\/block-3 measures on this site now\n/);
});

/** Work that ends when it is told to. */
function latch() {
  let open = (): void => undefined;
  let begun = false;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const work = async (): Promise<void> => {
    begun = true;
    await opened;
  };
  return {
    work,
    open: () => {
      open();
    },
    begun: () => begun,
  };
}
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
};

test("those of one group disturb together; a block that came meanwhile measures after them, and none begins before it", async (t) => {
  const lease = new FakeLease();
  const kubectl = kubectlOf(lease);
  const together = (node: string, work: () => Promise<void>) =>
    withoutMeasurements(kubectl, node, work, { group: "k3s" });
  const [first, second, third] = [latch(), latch(), latch()];
  const one = together("pi-2", first.work);
  await until(first.begun);
  const two = together("pi-3", second.work);
  await until(second.begun);
  t.is(stateOf(lease.current).holder?.id.startsWith("maintenance/k3s/pi-2/"), true);
  t.deepEqual(
    stateOf(lease.current).queue.map(({ id }) => id.replace(/[^/]*$/, "")),
    ["maintenance/k3s/pi-3/"],
  );

  const current = await lease.get();
  const queue = JSON.stringify([...stateOf(current).queue, { id: "llama/block-1", renewed: "1" }]);
  await lease.update({ ...current, metadata: { ...current.metadata, annotations: { "bramble.dev/queue": queue } } });
  const three = together("pi-4", third.work);
  await until(() => stateOf(lease.current).queue.length === 3);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.false(third.begun(), "it does not push in before the block");

  first.open();
  await one;
  await until(() => stateOf(lease.current).holder?.id.startsWith("maintenance/k3s/pi-3/") === true);
  second.open();
  await two;
  t.is(stateOf(lease.current).holder, null, "the block is next");
  t.is(stateOf(lease.current).queue[0]?.id, "llama/block-1");
  const after = await lease.get();
  await lease.update({ ...after, spec: { holderIdentity: "llama/block-1", renewTime: "2" } });
  await t.throwsAsync(three, { message: /llama\/block-1 measures/ });
  t.false(third.begun());
});

test("one that is done beside its group's holder leaves nothing in the queue", async (t) => {
  const lease = new FakeLease();
  const kubectl = kubectlOf(lease);
  const first = latch();
  const one = withoutMeasurements(kubectl, "pi-2", first.work, { group: "k3s" });
  await until(first.begun);
  t.is(await withoutMeasurements(kubectl, "pi-3", () => Promise.resolve(7), { group: "k3s" }), 7);
  const failing = withoutMeasurements(kubectl, "pi-4", () => Promise.reject(new Error("no power")), { group: "k3s" });
  await t.throwsAsync(failing, { message: "no power" });
  t.deepEqual(stateOf(lease.current).queue, []);
  t.is(stateOf(lease.current).holder?.id.startsWith("maintenance/k3s/pi-2/"), true);
  first.open();
  await one;
  t.deepEqual(stateOf(lease.current), { holder: null, queue: [] });
});

test("a reboot is no company for changes of K3s, nor they for it", async (t) => {
  const lease = new FakeLease();
  const kubectl = kubectlOf(lease);
  const [first, second] = [latch(), latch()];
  const one = withoutMeasurements(kubectl, "pi-2", first.work);
  await until(first.begun);
  const two = withoutMeasurements(kubectl, "pi-3", second.work, { group: "k3s" });
  await until(() => stateOf(lease.current).queue.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.false(second.begun());
  first.open();
  second.open();
  await Promise.all([one, two]);
  t.true(second.begun());
});

test("work that has begun keeps its place and is not said to be refused, though a block took the Lease meanwhile", async (t) => {
  const lease = new FakeLease();
  const kubectl = kubectlOf(lease);
  const [first, second] = [latch(), latch()];
  const one = withoutMeasurements(kubectl, "pi-2", first.work, { group: "k3s" });
  await until(first.begun);
  const two = withoutMeasurements(kubectl, "pi-3", second.work, { group: "k3s" });
  await until(second.begun);
  // As after an API that was away for longer than the holder's word counts.
  for (const renewTime of ["1", "2", "3"]) {
    await lease.update({ ...(await lease.get()), spec: { holderIdentity: "llama/block-1", renewTime } });
    await new Promise((resolve) => setTimeout(resolve, 1100));
  }
  t.is(stateOf(lease.current).queue.length, 1);
  first.open();
  second.open();
  await t.notThrowsAsync(Promise.all([one, two]));
  t.deepEqual(stateOf(lease.current).queue, []);
  t.is(stateOf(lease.current).holder?.id, "llama/block-1", "it is left to the block");
});

test("servers that cannot be reached are waited for, as an API that is silent is", async (t) => {
  const place = { node: "pi-1", address: "192.168.7.11", port: 22, user: "bramble" };
  const answers = [
    () => Promise.reject(new NodeUnavailable(place, "unreachable", { detail: "no end after 60 s" })),
    () => Promise.resolve(failed("Error from server: etcdserver: leader changed")),
    () => Promise.resolve(failed('Error from server (NotFound): namespaces "bramble" not found')),
  ];
  const kubectl: Kubectl = () => (answers.shift() ?? (() => Promise.resolve(failed("asked again"))))();
  t.is(await withoutMeasurements(kubectl, "pi-1", () => Promise.resolve(1)), 1);
  t.is(answers.length, 0);
});

test("before there is K3s, or its Lease, nothing measures", async (t) => {
  for (const stderr of [
    "sudo: /usr/local/bin/k3s: command not found",
    'Error from server (NotFound): leases.coordination.k8s.io "measurement" not found',
    'Error from server (NotFound): namespaces "bramble" not found',
    "error: open /etc/rancher/k3s/k3s.yaml: no such file or directory",
  ])
    t.is(
      await withoutMeasurements(
        () => Promise.resolve(failed(stderr)),
        "pi-1",
        () => Promise.resolve(1),
      ),
      1,
    );
});

test("an answer that says nothing about measurements is no leave to disturb them", async (t) => {
  const kubectl: Kubectl = () => Promise.resolve(failed("Error from server (Forbidden): leases is forbidden"));
  const work = () => Promise.reject(new Error("disturbed"));
  await t.throwsAsync(withoutMeasurements(kubectl, "pi-1", work), { message: /Forbidden/ });
});

test("a holder measures when it came or renewed between two looks; one that reboots a node does not", (t) => {
  const at = (id: string, renewed: string) => ({ holder: { id, renewed }, queue: [] });
  const free = { holder: null, queue: [] };
  t.is(measuringHolder(undefined, at("block", "1")), undefined, "it may be dead");
  t.is(measuringHolder(at("block", "1"), at("block", "1")), undefined);
  t.is(measuringHolder(at("block", "1"), at("block", "2")), "block");
  t.is(measuringHolder(free, at("block", "1")), "block");
  t.is(measuringHolder(at("other", "1"), at("block", "1")), "block");
  t.is(measuringHolder(at("block", "1"), free), undefined);
  t.is(measuringHolder(free, at("maintenance/pi-1/x", "1")), undefined);
});
