import test from "ava";
import { awaitReboot } from "../../../stacks/nodes/await-reboot.ts";
import type { NodeReport } from "../../../stacks/nodes/facts.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { exampleHealth, exampleK3s, exampleReport } from "./example-report.ts";

const before = exampleReport({ health: exampleHealth({ boot: "a.1" }), k3s: exampleK3s({ unit: "active" }) });
const after = (health: Parameters<typeof exampleHealth>[0], unit: string | null = "active") =>
  exampleReport({ health: exampleHealth({ boot: "a.2", ...health }), k3s: exampleK3s({ unit }) });
const silent = new NodeUnavailable({ node: "pi-2", address: "192.168.7.12", port: 22, user: "bramble" }, "unreachable");

function replay(...looks: readonly (NodeReport | NodeUnavailable)[]) {
  let look = 0;
  const observe = () => Promise.resolve(looks[Math.min(look++, looks.length - 1)] ?? silent);
  return { observe, looks: () => look };
}
const limits = { node: "pi-2", seconds: 60, say: () => undefined };

test("the node is back when it booted anew, cloud-init is done and K3s runs again", async (t) => {
  const ready = after({});
  const { observe, looks } = replay(before, silent, after({ booted: false }), after({}, "activating"), ready);
  t.is(await awaitReboot(observe, before, limits), ready);
  t.is(looks(), 5);
});

test("K3s is waited for only where it ran", async (t) => {
  const { observe } = replay(after({}, null));
  const idle = exampleReport({ health: exampleHealth({ boot: "a.1" }), k3s: exampleK3s({ unit: "failed" }) });
  t.is((await awaitReboot(observe, idle, limits)).k3s.unit, null);
});

test("a node that does not come back in time is named, with what it did last", async (t) => {
  const error = await t.throwsAsync(awaitReboot(replay(silent).observe, before, { ...limits, seconds: 1 }), {
    instanceOf: UserError,
  });
  t.regex(error.message, /pi-2: told to reboot, after 1 s still no answer on 192\.168\.7\.12:22[^]*timeouts\.boot/);
  await t.throwsAsync(awaitReboot(replay(before).observe, before, { ...limits, seconds: 1 }), {
    message: /still not down yet/,
  });
});
