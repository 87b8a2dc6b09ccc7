import test from "ava";
import fc from "fast-check";
import { contains, formatRange, overlap, parseRange, sizeInBits } from "../../../stacks/config/address-range.ts";

test("a range is an address and the length of its prefix", (t) => {
  t.deepEqual(parseRange("10.42.0.0/16"), { address: "10.42.0.0", prefix: 16, family: "IPv4" });
  t.deepEqual(parseRange("fd00:42::/56"), { address: "fd00:42::", prefix: 56, family: "IPv6" });
  t.truthy(parseRange("0.0.0.0/0") && parseRange("10.0.0.1/32") && parseRange("::1/128"));
  for (const text of [
    "",
    "10.42.0.0",
    "10.42.0.0/33",
    "fd00::/129",
    "10.42.0/16",
    "10.42.0.0/016",
    "10.42.0.0/-1",
    "10.42.0.0/ 8",
  ])
    t.is(parseRange(text), undefined, text);
});

/** An IPv4 address as a number. */
const numberOf = (address: string) => address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);

const range = fc
  .tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }))
  .map(([address, prefix]) => ({ address, prefix, family: "IPv4" as const }));

test("what lies in a range has its prefix", (t) => {
  fc.assert(
    fc.property(range, fc.ipV4(), fc.integer({ min: 0, max: 32 }), (one, other, shared) => {
      // An address that has some of the range's bits, so that both cases come up.
      const mask = shared === 0 ? 0 : (~0 << (32 - shared)) >>> 0;
      const mixed = ((numberOf(one.address) & mask) | (numberOf(other) & ~mask)) >>> 0;
      const address = [24, 16, 8, 0].map((bits) => (mixed >>> bits) & 255).join(".");
      const size = 2 ** sizeInBits(one);
      t.is(contains(one, address), Math.floor(numberOf(one.address) / size) === Math.floor(mixed / size));
      t.false(contains(one, "fd00::1"));
    }),
  );
});

test("two ranges overlap where one begins in the other, whichever is asked", (t) => {
  fc.assert(
    fc.property(range, range, (one, other) => {
      const size = 2 ** Math.max(sizeInBits(one), sizeInBits(other));
      const together = Math.floor(numberOf(one.address) / size) === Math.floor(numberOf(other.address) / size);
      t.is(overlap(one, other), together);
      t.is(overlap(other, one), together);
    }),
  );
  const six = (address: string, prefix: number) => ({ address, prefix, family: "IPv6" as const });
  t.true(overlap(six("fd00::", 16), six("fd00:7::", 64)));
  t.false(overlap(six("fd00::", 16), six("fe80::", 10)));
});

test("a range reads back as it was written", (t) => {
  fc.assert(fc.property(range, (one) => t.deepEqual(parseRange(formatRange(one)), one)));
});
