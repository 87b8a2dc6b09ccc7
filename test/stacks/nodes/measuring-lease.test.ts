import test from "ava";
import { measuringHolder, withoutMeasurements, type Kubectl } from "../../../stacks/nodes/measuring-lease.ts";
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
