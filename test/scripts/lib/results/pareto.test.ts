import test from "ava";
import fc from "fast-check";
import { paretoFront } from "../../../../scripts/lib/results/pareto-front.ts";
import { paretoOf } from "../../../../scripts/lib/results/pareto.ts";
import type { RunSummary } from "../../../../scripts/lib/results/summary.ts";
import type { SealedRun } from "../../../../scripts/lib/results/sealed-run.ts";

test("the front is not empty, none of it beats another, and each other is beaten by one of it", (t) => {
  const points = fc.array(fc.tuple(fc.integer({ max: 5, min: 0 }), fc.integer({ max: 5, min: 0 })), { minLength: 1 });
  const beats = (one: readonly number[], other: readonly number[]) =>
    one.every((goal, index) => goal >= (other[index] ?? NaN)) &&
    one.some((goal, index) => goal > (other[index] ?? NaN));
  fc.assert(
    fc.property(points, (all) => {
      const front = paretoFront(all, (point) => point);
      t.true(front.length > 0);
      for (const one of front) t.false(front.some((other) => beats(other, one)));
      for (const one of all)
        t.is(
          !front.includes(one),
          front.some((other) => beats(other, one)),
        );
    }),
  );
});

interface Known {
  readonly rate?: readonly (number | null)[];
  readonly correct?: number;
  readonly tokensPerJoule?: number;
}

/** A run of which the points need no more than this. */
function runOf(variants: Readonly<Record<string, Known>>) {
  const run = {
    measurement: "0123456789ab",
    manifest: { stack: "sweep", plan: { variants } },
  } as unknown as SealedRun;
  const summaries = Object.entries(variants).flatMap(([variant, { rate = [10], correct, tokensPerJoule = null }]) =>
    rate.map((decodeRate) => ({
      ...{ variant, decodeRate, tokensPerJoule },
      score: correct === undefined ? null : { correct, asked: 10 },
    })),
  ) as unknown as RunSummary[];
  return { run, summaries };
}

const front = (variants: Readonly<Record<string, Known>>) => {
  const { dimensions, points } = paretoOf([runOf(variants)]);
  return { dimensions, front: points.map(({ onFront }) => onFront) };
};

test("more right, more tokens and less energy are better", (t) => {
  const known = {
    accurate: { correct: 9, rate: [5], tokensPerJoule: 1 },
    fast: { correct: 5, rate: [20], tokensPerJoule: 2 },
    slower: { correct: 5, rate: [19], tokensPerJoule: 2 },
    thrifty: { correct: 4, rate: [4], tokensPerJoule: 3 },
  };
  t.deepEqual(front(known), {
    dimensions: ["accuracy", "decodeRate", "joulesPerToken"],
    front: [true, true, false, true],
  });
});

test("what is known of none is no dimension, and of what lacks one nothing is claimed", (t) => {
  t.deepEqual(front({ a: { rate: [5] }, b: { rate: [6] } }), { dimensions: ["decodeRate"], front: [false, true] });
  t.deepEqual(front({ a: { correct: 5 }, b: {}, c: { correct: 6 } }), {
    dimensions: ["accuracy", "decodeRate"],
    front: [false, null, true],
  });
});

test("a speed is the geometric mean of the scenarios', and not known where one has none", (t) => {
  const [a, b] = paretoOf([runOf({ a: { rate: [2, 8] }, b: { rate: [2, null] } })]).points;
  t.true(Math.abs((a?.decodeRate ?? NaN) - 4) < 1e-12);
  t.is(b?.decodeRate, null);
  t.is(b?.onFront, null);
});
