import test from "ava";
import fc from "fast-check";
import { isSameQuantity } from "../../../../twin/plugins/kubernetes/quantities.ts";

const limits = ["spec", "resources", "limits", "memory"];

test("one amount in two spellings is the same", (t) => {
  for (const [left, right] of [
    ["1Gi", "1024Mi"],
    ["1", "1000m"],
    [1, "1"],
    [0.1, "100m"],
    ["1e3", "1k"],
    ["0.5", "500m"],
    ["1.5Gi", "1536Mi"],
  ] as const) {
    t.true(isSameQuantity(limits, left, right), `${left} and ${right}`);
  }
});

test("other amounts, other texts and other places are not", (t) => {
  t.false(isSameQuantity(limits, "1G", "1Gi"));
  t.false(isSameQuantity(limits, "1x", "1x "));
  t.false(isSameQuantity(limits, "", ""));
  t.false(isSameQuantity(limits, true, 1));
  t.false(isSameQuantity(["data", "memory"], "1Gi", "1024Mi"));
});

test("whole binary units are what the next smaller unit makes of them", (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.constantFrom(["Gi", "Mi"], ["Mi", "Ki"]),
      (amount, [large, small]) => {
        t.true(isSameQuantity(limits, `${amount}${large}`, `${amount * 1024}${small}`));
      },
    ),
  );
});
