import test from "ava";
import { evidenceOf, overlap, type PairInTime } from "../../../../scripts/lib/results/evidence.ts";

/** Pairs from the order in which the sides' blocks were measured, for example "ABAB". */
function measured(order: string): PairInTime[] {
  const starts = (side: string) => Array.from(order).flatMap((one, place) => (one === side ? [place * 100] : []));
  const span = (from: number) => ({ from, to: from + 90 });
  const [a, b] = [starts("A"), starts("B")];
  return a.map((from, block) => ({ a: span(from), b: span(b[block] ?? NaN) }));
}

for (const order of ["AB", "ABABABABABAB", "ABBAABBAABBA", "AABABABABABB", "BABABABABABA"])
  test(`${order} is interleaved`, (t) => {
    t.is(evidenceOf(measured(order)), "interleaved");
  });

for (const order of ["AABB", "AAABBB", "AAAAAABBBBBB", "AAAABABABBBB", "ABABAAAABBBB"])
  test(`${order} is not`, (t) => {
    t.is(evidenceOf(measured(order)), "separate");
  });

test("blocks that ran at the same time overlap", (t) => {
  t.false(overlap(measured("ABABAB")));
  t.true(overlap([{ a: { from: 0, to: 100 }, b: { from: 99, to: 200 } }]));
  t.false(overlap([{ a: { from: 0, to: 100 }, b: { from: 100, to: 200 } }]));
});
