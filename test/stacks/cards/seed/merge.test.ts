import test from "ava";
import fc from "fast-check";
import { mergeCloudConfig, sorted } from "../../../../stacks/cards/seed/merge.ts";

test("lists are appended, maps merged, and of the rest the later one holds", (t) => {
  t.deepEqual(
    mergeCloudConfig({ a: [1], m: { x: 1, y: { z: [1] } }, s: 1, keep: true }, undefined, {
      a: [2],
      m: { x: 2, y: { z: [2], more: null } },
      s: "two",
      new: [3],
    }),
    { a: [1, 2], m: { x: 2, y: { z: [1, 2], more: null } }, s: "two", keep: true, new: [3] },
  );
});

test("keys that are added come in the order of their names, after those that were there", (t) => {
  t.deepEqual(Object.keys(mergeCloudConfig({ z: 1, y: 1 }, { b: 1, a: 1, y: 2 })), ["z", "y", "a", "b"]);
});

test("what is laid over is not changed by it", (t) => {
  const base = { list: [1], map: { a: 1 } };
  mergeCloudConfig(base, { list: [2], map: { a: 2 } });
  t.deepEqual(base, { list: [1], map: { a: 1 } });
});

test("sorting changes no value and depends on no order", (t) => {
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), fc.jsonValue()), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse());
      t.is(JSON.stringify(sorted(value)), JSON.stringify(sorted(reversed)));
      t.deepEqual(sorted(value), value);
    }),
  );
});
