import test from "ava";
import fc from "fast-check";
import type { PropertyMap, PropertyValue } from "../../../twin/plugins/property-values.ts";
import {
  containsSecret,
  containsUnknown,
  isSecret,
  readProperties,
  reveal,
  revealMap,
  secret,
  unknownValue,
  writeProperties,
} from "../../../twin/plugins/property-values.ts";

const name = fc.string().filter((text) => text !== "__proto__");
const value = fc.letrec<{ value: PropertyValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0), // a Struct has no -0
    fc.boolean(),
    fc.array(tie("value")),
    fc.dictionary(name, tie("value"), { noNullPrototype: true }) as fc.Arbitrary<PropertyMap>,
    tie("value").map((inner) => secret(inner)),
  ),
})).value;
const map = fc.dictionary(name, value, { noNullPrototype: true }) as fc.Arbitrary<PropertyMap>;

test("properties survive the way over the wire", (t) => {
  fc.assert(
    fc.property(map, (properties) => {
      t.deepEqual(readProperties(writeProperties(properties)), properties);
    }),
  );
});

test("a member that would be lost on the way is refused", (t) => {
  const lost = Object.fromEntries([["__proto__", "x"]]) as PropertyMap;
  t.throws(() => writeProperties({ a: [lost] }), { message: /__proto__/ });
});

test("what is revealed holds no secret, and is revealed already", (t) => {
  fc.assert(
    fc.property(map, (properties) => {
      const plain = revealMap(properties);
      t.false(containsSecret(plain));
      t.deepEqual(revealMap(plain), plain);
    }),
  );
});

test("null members are not set", (t) => {
  t.deepEqual(readProperties(writeProperties({ a: null, b: { c: null, d: [null] } })), { b: { d: [null] } });
  t.deepEqual(readProperties(undefined), {});
});

test("secrets and unknowns are found wherever they stand", (t) => {
  t.true(containsSecret({ a: [{ b: secret("x") }] }));
  t.true(containsUnknown({ a: [{ b: secret(unknownValue) }] }));
  t.false(containsSecret({ a: [1, "x", null] }) || containsUnknown({ a: ["x"] }));
  t.deepEqual(secret(secret("x")), secret("x"));
  t.true(isSecret(secret("x")));
});

test("what is neither plain nor secret is refused", (t) => {
  const asset = { "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", text: "x" };
  t.throws(() => reveal({ a: [asset] }), { message: /assets.*not offered/ });
});
