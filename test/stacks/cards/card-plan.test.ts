import test from "ava";
import { cardPlan, waitingLine } from "../../../stacks/cards/card-plan.ts";
import { formatDuration } from "../../../stacks/cards/duration.ts";
import type { Observation } from "../../../stacks/nodes/observe.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";

const expected = { site: "barn", node: "pi-2", generation: 2 };
const place = { node: "pi-2", address: "10.0.0.12", port: 22, user: "bramble" };
const stamp = { ...expected, system: "ubuntu", digest: "a".repeat(64), parts: {} };
const answering = (found: unknown) => ({ stamp: found }) as Observation;
const now = new Date("2026-11-24T12:00:00Z");
const plan = (observation: Observation, written?: { generation: number; written: Date }, adopted = false) =>
  cardPlan({ stack: "barn-1", node: "pi-2", expected: adopted ? undefined : expected, observation, written, now });
const written = { generation: 2, written: new Date("2026-11-24T11:57:00Z") };

test("a node with its card, and an adopted one, need nothing", (t) => {
  t.is(plan(answering(stamp)), undefined);
  t.is(plan(answering({ ...stamp, digest: "b".repeat(64) })), undefined, "a seed that changed asks for no card");
  t.is(plan(answering(null), undefined, true), undefined);
  t.is(plan(new NodeUnavailable(place, "unreachable"), undefined, true), undefined);
});

test("a card that must be written, and why", (t) => {
  t.is(
    plan(answering({ ...stamp, generation: 1 })),
    "pi-2: write its card (generation 2; the board runs generation 1): npm run flash -- barn-1 pi-2",
  );
  t.regex(plan(answering(null)) ?? "", /no stamp of Bramble's\): npm run flash/);
  t.regex(
    plan(new NodeUnavailable(place, "host-key")) ?? "",
    /^pi-2: write its card \(generation 2; 10\.0\.0\.12:22.* another SSH host key/,
  );
});

test("a node that does not answer may have no card yet", (t) => {
  t.is(
    plan(new NodeUnavailable(place, "unreachable")),
    "pi-2: no answer on 10.0.0.12:22; if its card is not written yet: npm run flash -- barn-1 pi-2",
  );
  t.regex(plan(new NodeUnavailable(place, "unreachable"), { ...written, generation: 1 }) ?? "", /not written yet/);
});

test("a card that was written here already only has to be put in", (t) => {
  const put = "its card (generation 2) was written 3 min ago: put it into the board and switch it on";
  t.is(plan(new NodeUnavailable(place, "unreachable"), written), `pi-2: no answer on 10.0.0.12:22; ${put}`);
  t.true(plan(new NodeUnavailable(place, "host-key"), written)?.endsWith(put));
  t.is(plan(answering({ ...stamp, generation: 1 }), written), `pi-2: the board runs generation 1; ${put}`);
});

test("a bastion that does not let us through says nothing of a card", (t) => {
  const bastion = { host: "gate", port: 22, user: "ada", hostKey: "ssh-ed25519 AAAA" };
  t.is(plan(new NodeUnavailable({ ...place, bastion }, "unreachable", { hop: "bastion" })), undefined);
});

test("lengths of time", (t) => {
  const cases = [0, 40, 119, 120, 7199, 7200, 172_799, 172_800].map(formatDuration);
  t.deepEqual(cases, ["0 s", "40 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 days"]);
  t.is(formatDuration(-5), "0 s", "a clock that was set back");
});

test("a node is waited for with a visible reason", (t) => {
  const waiting = { node: "pi-2", what: "no answer on 10.77.0.12:22", seconds: 40, card: expected, written, now };
  t.is(waitingLine(waiting), "pi-2: no answer on 10.77.0.12:22 for 40 s, card written 3 min ago");
  const alone = "pi-2: no answer on 10.77.0.12:22 for 40 s";
  t.is(waitingLine({ ...waiting, written: undefined }), alone);
  t.is(waitingLine({ ...waiting, written: { ...written, generation: 1 } }), alone, "that was another card");
  t.is(waitingLine({ ...waiting, card: undefined }), alone, "an adopted node has none");
});
