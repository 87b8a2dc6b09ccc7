import test from "ava";
import { tasksOf } from "../../../workloads/benchmark/task.ts";
import { exampleScenario, exampleVariant } from "../example-plan.ts";

const item = (id: string) => ({ id, kind: "k", prompt: `Question ${id}?`, scorer: null });
const plan = {
  prompts: { three: ["What?", "Why?", "When?"] },
  suites: { five: ["a", "b", "c", "d", "e"].map(item) },
  modules: { "role+format": { hash: "0".repeat(12), before: "You are terse.", after: "One word." } },
  blocks: 2,
};
const prompts = { ...exampleScenario, prompts: "three", warmup: 2 };
const suite = { ...exampleScenario, prompts: null, suite: "five", load: { ...exampleScenario.load, requests: 5 } };

test("prompts are gone through from the first on, warm-ups from the last one back", (t) => {
  const { warmup, measured } = tasksOf(plan, { variant: exampleVariant, scenario: prompts }, 0);
  t.deepEqual(
    warmup.map(({ text }) => text),
    ["When?", "Why?"],
  );
  t.deepEqual(
    measured.map(({ prompt, text }) => `${prompt} ${text}`),
    ["0 What?", "1 Why?", "2 When?", "0 What?", "1 Why?"],
  );
});

test("a suite's items are dealt out over the blocks, each to one of them", (t) => {
  const asked = [0, 1].map((block) =>
    tasksOf(plan, { variant: exampleVariant, scenario: suite }, block).measured.map(({ prompt }) => prompt),
  );
  t.deepEqual(asked, [
    [0, 2, 4],
    [1, 3],
  ]);
});

test("the modules of a variant stand around each task, warm-ups too", (t) => {
  const variant = { ...exampleVariant, modules: "role+format" };
  const { warmup, measured } = tasksOf(plan, { variant, scenario: suite }, 1);
  t.deepEqual(measured[0], { prompt: 1, text: "You are terse.\n\nQuestion b?\n\nOne word." });
  t.true(warmup[0]?.text.startsWith("You are terse.\n\n"));
});

test("a part that is empty leaves no blank lines", (t) => {
  const modules = { "role+format": { hash: "0".repeat(12), before: "", after: "One word." } };
  const variant = { ...exampleVariant, modules: "role+format" };
  t.is(tasksOf({ ...plan, modules }, { variant, scenario: prompts }, 0).measured[0]?.text, "What?\n\nOne word.");
});

test("what the plan names and does not hold is a bug", (t) => {
  const variant = { ...exampleVariant, modules: "examples" };
  t.throws(() => tasksOf(plan, { variant, scenario: prompts }, 0), { message: /names examples/ });
});
