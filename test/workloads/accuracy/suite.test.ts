import test from "ava";
import { InputError } from "../../../workloads/input-error.ts";
import { promptOf, type Item } from "../../../workloads/accuracy/item.ts";
import { parseSuite } from "../../../workloads/accuracy/layouts.ts";
import { loadSuite, sampleItems } from "../../../workloads/accuracy/suite.ts";

const line = (value: unknown) => `${JSON.stringify(value)}\n`;
const only = (value: unknown, name = "arc.jsonl") => parseSuite(line(value), name)[0];

test("a line in our own layout is taken as it is", (t) => {
  const item: Item = {
    id: "x-1",
    kind: "x",
    prompt: "How many?",
    scorer: { type: "numeric", answer: 3, tolerance: 0 },
  };
  t.deepEqual(only(item), item);
});

test("MMLU: the answer is an index, or a letter", (t) => {
  const mmlu = { question: "Which?", choices: ["one", "two", "three"], answer: 2, subject: "Computer Networks" };
  const expected = {
    ...{ id: "mmlu-1", kind: "computer-networks", prompt: "Which?" },
    scorer: { type: "choice", choices: ["one", "two", "three"], answer: "C" },
  };
  t.deepEqual(only(mmlu, "mmlu.jsonl") as unknown, expected);
  t.deepEqual(only({ ...mmlu, answer: "C" }, "mmlu.jsonl") as unknown, expected);
});

test("ARC: choices with labels, in both of its layouts, numbered ones too", (t) => {
  const scorer = { type: "choice", choices: ["iron", "wood"], answer: "B" };
  t.like(
    only({ id: "q7", question: "What burns?", choices: { text: ["iron", "wood"], label: ["1", "2"] }, answerKey: "2" }),
    { id: "q7", kind: "arc", prompt: "What burns?", scorer },
  );
  const choices = [
    { text: "iron", label: "A" },
    { text: "wood", label: "B" },
  ];
  t.like(only({ id: "q7", question: { stem: "What burns?", choices }, answerKey: "B" }), { id: "q7", scorer });
});

test("GSM8K: the number after ####", (t) => {
  t.like(only({ question: "How many?", answer: "2 + 3 = <<2+3=5>>5\n#### 1,205" }, "gsm8k.jsonl"), {
    id: "gsm8k-1",
    scorer: { type: "numeric", answer: 1205, tolerance: 0 },
  });
});

test("HellaSwag: endings, of which the label names one", (t) => {
  const item = only({
    ind: 4,
    activity_label: "Baking",
    ctx: "He takes the flour and",
    endings: ["flies.", "mixes it."],
    label: "1",
  });
  t.like(item, { kind: "baking", scorer: { type: "choice", choices: ["flies.", "mixes it."], answer: "B" } });
  t.true(item?.prompt.endsWith("He takes the flour and"));
});

test("a line that is no item is named, and so is an id that comes twice", (t) => {
  const refused = (text: string, message: RegExp) =>
    t.throws(() => parseSuite(text, "my.jsonl"), { instanceOf: InputError, message });
  const good = line({ question: "How many?", answer: "#### 1" });
  refused(`${good}{"question"\n`, /^my\.jsonl, line 2: is not JSON/);
  refused(`${good}\n${line({ question: "How many?" })}`, /^my\.jsonl, line 3: is no item in the layout of/);
  refused(line({ question: "Which?", choices: ["a", "b"], answer: 2 }), /line 1: is no item/);
  refused(line({ id: "a", kind: "k", prompt: "?", scorer: { type: "regex", pattern: "(" } }), /line 1: is no item/);
  const twice = { id: "a", question: "Which?", choices: { text: ["a", "b"], label: ["A", "B"] }, answerKey: "A" };
  refused(line(twice) + line(twice), /holds a twice/);
  refused("\n", /holds no item/);
  t.throws(() => loadSuite("nothing"), { instanceOf: InputError, message: /there is no such suite/ });
});

test("choices stand below the question, each with its letter", (t) => {
  const scorer = { type: "choice" as const, choices: ["one", "two"], answer: "A" };
  t.is(
    promptOf({ id: "i", kind: "k", prompt: "Which?", scorer }),
    "Which?\nA) one\nB) two\nAnswer with the letter of the right choice.",
  );
});

test("a sample has of each kind its share, fixed by the seed, in the suite's order", (t) => {
  const items = ["a", "b", "c"].flatMap((kind, index) =>
    Array.from({ length: 10 * (index + 1) }, (_, number): Item => ({
      ...{ id: `${kind}-${number}`, kind, prompt: "?" },
      scorer: { type: "exact", answer: "x" },
    })),
  );
  const sample = sampleItems(items, 12, 5);
  const counts = Map.groupBy(sample, ({ kind }) => kind);
  t.deepEqual(
    [...counts].map(([kind, all]) => [kind, all.length]),
    [
      ["a", 2],
      ["b", 4],
      ["c", 6],
    ],
  );
  t.deepEqual(sampleItems(items, 12, 5), sample);
  t.notDeepEqual(sampleItems(items, 12, 6), sample);
  t.deepEqual(
    sample,
    items.filter((item) => sample.includes(item)),
  );
  t.deepEqual(sampleItems(items, 99, 5), items);
});
