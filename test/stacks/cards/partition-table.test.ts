import test from "ava";
import fc from "fast-check";
import { isFat, parsePartitionTable } from "../../../stacks/cards/partition-table.ts";
import { bootRecord } from "./example-image.ts";

const sector = 512;
const entry = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  start: fc.integer({ min: 0, max: 0xffffffff }),
  count: fc.integer({ min: 0, max: 0xffffffff }),
});

test("what is written into a table is read from it", (t) => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 4 }), (entries) => {
      const expected = entries
        .filter(({ type, count }) => type !== 0 && count > 0)
        .map(({ type, start, count }) => ({ type, offset: start * sector, size: count * sector }));
      t.deepEqual(parsePartitionTable(bootRecord(entries)), expected);
    }),
  );
});

test("bytes without a boot record's signature hold no table, and none make the parser fail", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1024 }), (bytes) => {
      const signed = bytes.length >= sector && bytes[510] === 0x55 && bytes[511] === 0xaa;
      t.is(parsePartitionTable(bytes) !== undefined, signed);
    }),
  );
  t.is(parsePartitionTable(bootRecord([]).subarray(0, 511)), undefined);
});

test("FAT partitions are told from others, a GPT's protective one among them", (t) => {
  const fat = [0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e];
  for (let type = 0; type < 256; type++) t.is(isFat({ type, offset: 0, size: 1 }), fat.includes(type));
});
