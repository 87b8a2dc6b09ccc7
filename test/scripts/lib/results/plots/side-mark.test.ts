import test from "ava";
import { letterOf } from "../../../../../scripts/lib/results/side-letter.ts";
import { markPath, sideClass } from "../../../../../scripts/lib/results/plots/side-mark.ts";

test("sides are lettered, on beyond Z", (t) => {
  t.deepEqual([0, 1, 25, 26, 27, 52, 701, 702].map(letterOf), ["A", "B", "Z", "AA", "AB", "BA", "ZZ", "AAA"]);
});

test("no two of 35 sides have both the same colour and the same shape", (t) => {
  const looks = Array.from({ length: 35 }, (_, index) => `${sideClass(index)} ${markPath(index)}`);
  t.is(new Set(looks).size, 35);
});
