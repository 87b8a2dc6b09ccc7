import { createHmac } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import { derive, formatLabel, type Label, type Purpose } from "../../../stacks/keys/derive.ts";

const root = Buffer.from("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "hex");

/** HKDF-SHA256 as RFC 5869 writes it. */
function hkdf(key: Buffer, info: string, length: number): Buffer {
  const hmac = (k: Buffer, ...parts: (Buffer | string)[]) =>
    parts.reduce((mac, part) => mac.update(part), createHmac("sha256", k)).digest();
  const pseudorandom = hmac(Buffer.alloc(32), key);
  const blocks: Buffer[] = [];
  for (let index = 1; blocks.length * 32 < length; index++)
    blocks.push(hmac(pseudorandom, blocks.at(-1) ?? "", info, Buffer.from([index])));
  return Buffer.concat(blocks).subarray(0, length);
}

const part = fc.stringMatching(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
const labels: fc.Arbitrary<Label> = fc.record({
  site: part,
  purpose: fc.constantFrom<Purpose[]>("admin-key", "authority-key", "host-key", "node-password", "token"),
  name: part,
  generation: fc.integer({ min: 1, max: 1e6 }),
});

test("the label is written as designed", (t) => {
  const label = { site: "barn", purpose: "host-key", name: "pi-2", generation: 3 } as const;
  t.is(formatLabel(label), "bramble/v1/barn/host-key/pi-2/3");
  t.is(derive(root, label, 32).toString("hex"), hkdf(root, "bramble/v1/barn/host-key/pi-2/3", 32).toString("hex"));
});

test("derivation is HKDF-SHA256 over the label", (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      labels,
      fc.integer({ min: 1, max: 100 }),
      (key, label, length) => {
        t.deepEqual(derive(key, label, length), hkdf(Buffer.from(key), formatLabel(label), length));
      },
    ),
  );
});

test("two labels that differ in a part give different bytes", (t) => {
  fc.assert(
    fc.property(labels, labels, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other);
      t.is(formatLabel(one) === formatLabel(other), same);
      t.is(derive(root, one, 32).equals(derive(root, other, 32)), same);
    }),
  );
});

test("a part that could be taken for another one is refused", (t) => {
  const label = { site: "barn", purpose: "host-key", name: "pi-1", generation: 1 } as const;
  for (const bad of ["", "a/b", "/", "pi-1/2", "A", "a b", "ä", "a\n", "-a", "..", "a\0"]) {
    t.throws(() => formatLabel({ ...label, name: bad }), { message: /not a part of a key label/ });
    t.throws(() => formatLabel({ ...label, site: bad }), { message: /not a part of a key label/ });
  }
  for (const generation of [0, -1, 1.5, NaN, Infinity])
    t.throws(() => formatLabel({ ...label, generation }), { message: /not a key generation/ });
});
