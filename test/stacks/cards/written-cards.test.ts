import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import type { Stamp } from "../../../stacks/cards/stamp.ts";
import { findWrittenCard, recordWrittenCard } from "../../../stacks/cards/written-cards.ts";

const directory = mkdtempSync(join(tmpdir(), "bramble-written-"));
test.after.always(() => {
  rmSync(directory, { recursive: true, force: true });
});

const stamp: Stamp = {
  site: "barn",
  node: "pi-1",
  generation: 2,
  system: "raspberry-pi-os",
  digest: "a".repeat(64),
  parts: {},
};

test("what was written is found, with when", async (t) => {
  const at = join(directory, "found");
  const before = Date.now();
  await recordWrittenCard(stamp, at);
  const card = await findWrittenCard("barn", "pi-1", at);
  t.like(card, { generation: 2, digest: stamp.digest });
  const time = card?.written.getTime() ?? 0;
  t.true(time >= before && time <= Date.now());
  t.is(await findWrittenCard("barn", "pi-2", at), undefined);
  t.is(await findWrittenCard("orchard", "pi-1", at), undefined);
});

test("the last one counts, and nothing else stays", async (t) => {
  const at = join(directory, "last");
  await recordWrittenCard(stamp, at);
  await recordWrittenCard({ ...stamp, generation: 3 }, at);
  t.like(await findWrittenCard("barn", "pi-1", at), { generation: 3 });
  t.deepEqual(readdirSync(join(at, "barn")), ["pi-1.json"]);
});

test("a damaged note is none", async (t) => {
  const at = join(directory, "damaged");
  await recordWrittenCard(stamp, at);
  for (const text of [
    "",
    "{",
    "null",
    '{"generation": 0}',
    '{"generation": 1, "digest": "a", "written": "yesterday"}',
  ]) {
    writeFileSync(join(at, "barn", "pi-1.json"), text);
    t.is(await findWrittenCard("barn", "pi-1", at), undefined, text);
  }
});
