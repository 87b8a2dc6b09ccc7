import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { isFat, parsePartitionTable } from "../../stacks/cards/partition-table.ts";
import { partitionTypes, readCardLayout, renderBootRecord } from "../../twin/card-layout.ts";

const layout = {
  boot: { type: partitionTypes.boot, offset: 8 * 2 ** 20, size: 512 * 2 ** 20 },
  root: { type: partitionTypes.root, offset: 520 * 2 ** 20, size: 3 * 2 ** 30 },
};

test("a boot record says what the card code reads from it", (t) => {
  const partitions = parsePartitionTable(renderBootRecord(layout, 0xb7a3b1e0));
  t.deepEqual(partitions, [layout.boot, layout.root]);
  t.deepEqual(partitions?.map(isFat), [true, false]);
});

test("the disk's signature stands where PARTUUIDs are read from", (t) => {
  t.is(renderBootRecord(layout, 0xb7a3b1e0).readUInt32LE(440), 0xb7a3b1e0);
});

test("a file that is no card is refused", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "card-layout-test-"));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, "card.img");
  await writeFile(file, renderBootRecord(layout, 1));
  t.deepEqual(await readCardLayout(file), layout);
  await writeFile(file, "no card");
  await t.throwsAsync(readCardLayout(file), { message: /has no FAT and Linux partition/ });
});
