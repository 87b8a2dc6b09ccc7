import test from "ava";
import fc from "fast-check";
import { instanceIdOf } from "../../../stacks/cards/instance-id.ts";
import { cardOf, formatStamp, parseStamp, type Stamp } from "../../../stacks/cards/stamp.ts";
import { exampleSite } from "../keys/example.ts";

const stamp: Stamp = {
  site: "barn",
  node: "pi-2",
  generation: 3,
  system: "raspberry-pi-os",
  digest: "ab".repeat(32),
  parts: { image: "0123456789ab", "time zone": "ba9876543210" },
};

test("a stamp is read as it was written", (t) => {
  t.deepEqual(parseStamp(formatStamp(stamp)), stamp);
});

test("a node's card is named by site, node and generation", (t) => {
  const card = cardOf(exampleSite(), "pi-2");
  t.deepEqual(card, { site: "barn", node: "pi-2", generation: 3 });
  t.is(instanceIdOf(card), "barn-pi-2-3");
});

test("what is no stamp is none", (t) => {
  const older = { ...stamp, parts: undefined };
  for (const value of [
    ...[null, [], {}, older],
    { ...stamp, more: 1 },
    { ...stamp, generation: 0 },
    { ...stamp, system: "windows" },
    { ...stamp, parts: { image: "secret" } },
  ])
    t.is(parseStamp(JSON.stringify(value)), undefined);
  for (const text of ["", "{"]) t.is(parseStamp(text), undefined);
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => parseStamp(text) === undefined));
});
