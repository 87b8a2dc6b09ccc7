import test from "ava";
import fc from "fast-check";
import { nonceOf, orderOf, runsOf, settingsOf } from "../../../workloads/benchmark/order.ts";
import { exampleScenario, exampleVariant } from "../example-plan.ts";

const [variant, scenario] = [exampleVariant, exampleScenario];
const plan = {
  variants: { b: variant, a: variant },
  scenarios: { y: scenario, x: scenario, z: scenario },
  reference: null,
  seed: 7,
};

const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1, maxLength: 5 });

test("runs are sorted by name", (t) => {
  t.deepEqual(
    runsOf(plan).map(({ name }) => name),
    ["a/x", "a/y", "a/z", "b/x", "b/y", "b/z"],
  );
});

test("the reference run is one more, with settings of its own", (t) => {
  const reference = { variant: { ...variant, threads: 4 }, scenario: { ...scenario, maxTokens: 8 } };
  const referred = { ...plan, reference };
  t.deepEqual(runsOf(referred).at(-1), {
    variant: "reference",
    scenario: "reference",
    name: "reference/reference",
    index: 6,
  });
  t.deepEqual(settingsOf(referred, { variant: "reference", scenario: "reference" }), reference);
  t.deepEqual(settingsOf(referred, { variant: "a", scenario: "x" }), { variant, scenario });
  t.throws(() => settingsOf(plan, { variant: "reference", scenario: "reference" }), { message: /does not hold/ });
});

// The expected orders were computed by another implementation (Python's hashlib).
test("the order is fixed for ever by seed and block", (t) => {
  const order = (block: number) => orderOf(plan, block).map(({ name }) => name);
  t.deepEqual(order(0), ["a/y", "a/z", "b/z", "b/x", "b/y", "a/x"]);
  t.deepEqual(order(1), ["a/y", "a/z", "b/x", "a/x", "b/y", "b/z"]);
});

test("every block is a permutation of all runs", (t) => {
  fc.assert(
    fc.property(names, names, fc.nat(), fc.nat(100), (variants, scenarios, seed, block) => {
      const any = {
        variants: Object.fromEntries(variants.map((name) => [name, variant])),
        scenarios: Object.fromEntries(scenarios.map((name) => [name, scenario])),
        reference: null,
        seed,
      };
      const order = orderOf(any, block);
      t.deepEqual(
        order.map(({ name }) => name).sort(),
        runsOf(any)
          .map(({ name }) => name)
          .sort(),
      );
    }),
  );
});

test("plans of the same shape are ordered alike whatever their variants are called", (t) => {
  const one = { ...plan, variants: { one: variant } };
  const two = { ...plan, variants: { two: { ...variant, threads: 4 } } };
  for (let block = 0; block < 20; block++)
    t.deepEqual(
      orderOf(one, block).map(({ scenario }) => scenario),
      orderOf(two, block).map(({ scenario }) => scenario),
    );
});

test("each run comes first about as often as any other", (t) => {
  const firsts = new Map<string, number>();
  for (let block = 0; block < 600; block++) {
    const name = orderOf(plan, block)[0]?.name ?? "";
    firsts.set(name, (firsts.get(name) ?? 0) + 1);
  }
  t.is(firsts.size, 6);
  for (const count of firsts.values()) t.true(count > 70 && count < 130, `first ${count} of 600 times`);
});

test("no two requests of a series carry the same nonce, and all nonces are twelve digits", (t) => {
  const seen = new Set<string>();
  let count = 0;
  for (const series of [1, 2])
    for (let block = 0; block < 5; block++)
      for (const attempt of [1, 2])
        for (let run = 0; run < 4; run++)
          for (let request = -2; request < 5; request++, count++)
            seen.add(nonceOf({ seed: 1, series }, { block, attempt, run, request }));
  t.is(seen.size, count);
  for (const nonce of seen) t.regex(nonce, /^\d{12}$/);
});
