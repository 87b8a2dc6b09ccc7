import test from "ava";
import { promptOf } from "../../../workloads/accuracy/item.ts";
import { score } from "../../../workloads/accuracy/score.ts";
import { loadSuite } from "../../../workloads/accuracy/suite.ts";
import { allowedBy, commands, readAgain, worked } from "./edge-operations-answers.ts";

const items = loadSuite("edge-operations");
const ofKind = (kind: string) => items.filter((item) => item.kind === kind);

test("there are more than 240 items over seven kinds, each asked once", (t) => {
  t.true(items.length >= 240, String(items.length));
  const kinds = Map.groupBy(items, ({ kind }) => kind);
  t.deepEqual([...kinds.keys()].sort(), [
    "commands",
    "configuration",
    "diagnosis",
    "extraction",
    "log-reading",
    "subnetting",
    "units",
  ]);
  for (const [kind, all] of kinds) t.true(all.length >= 20, kind);
  t.is(new Set(items.map(({ prompt }) => prompt)).size, items.length);
});

test("questions are short: a small board reads them in seconds", (t) => {
  for (const item of items) t.true(promptOf(item).split(/\s+/).length <= 150, item.id);
});

for (const kind of ["subnetting", "units"])
  test(`${kind}: every answer is what comes out when it is worked out anew from the question`, (t) => {
    for (const { id, prompt, scorer } of ofKind(kind)) {
      const [found, ...others] = worked.flatMap(([pattern, work]) => {
        const match = pattern.exec(prompt);
        return match === null ? [] : [work(match)];
      });
      t.deepEqual(others, [], id);
      t.true(found !== undefined && score(scorer, String(found)).correct, `${id}: ${found}`);
    }
  });

test("log-reading: numbers are as they were read a second time, words stand in the log", (t) => {
  for (const { id, prompt, scorer } of ofKind("log-reading")) {
    if (scorer.type === "numeric") t.true(score(scorer, String(readAgain[id] ?? "missing")).correct, id);
    else if (scorer.type === "exact") t.true(prompt.includes(scorer.answer), id);
    else if (scorer.type === "contains") for (const part of scorer.all) t.true(prompt.includes(part), id);
    else t.fail(id);
  }
});

test("commands: the right one is right, also as a model writes it, and the near one is not", (t) => {
  const all = ofKind("commands");
  t.is(all.length, commands.length);
  for (const [index, { id, scorer }] of all.entries()) {
    const [right = "", wrong = ""] = commands[index] ?? [];
    for (const answer of [right, `\`${right}\``, `$ ${right}`])
      t.true(score(scorer, answer).correct, `${id}: ${answer}`);
    t.false(score(scorer, wrong).correct, `${id}: ${wrong}`);
  }
});

test("diagnosis: choices differ, and the right letters are spread evenly", (t) => {
  const letters = new Map<string, number>();
  for (const { id, scorer } of ofKind("diagnosis")) {
    if (scorer.type !== "choice") {
      t.fail(id);
      continue;
    }
    t.is(new Set(scorer.choices).size, 4, id);
    letters.set(scorer.answer, (letters.get(scorer.answer) ?? 0) + 1);
  }
  t.deepEqual([...letters.keys()].sort(), ["A", "B", "C", "D"]);
  for (const count of letters.values()) t.true(count >= 9 && count <= 12);
});

test("where JSON is asked for, there is an answer that is right, and another value is wrong", (t) => {
  for (const { id, scorer } of items) {
    if (scorer.type !== "json-schema") continue;
    const answer = allowedBy(scorer.schema) as Record<string, unknown>;
    t.true(score(scorer, JSON.stringify(answer)).correct, `${id}: ${JSON.stringify(answer)}`);
    for (const key of Object.keys(answer))
      t.false(score(scorer, JSON.stringify({ ...answer, [key]: "something else" })).correct, `${id}: ${key}`);
    t.false(score(scorer, JSON.stringify({ ...answer, more: 1 })).correct, id);
  }
});

test("nothing scores by saying little, or everything", (t) => {
  for (const { id, scorer } of items)
    for (const answer of ["", "I do not know."]) t.false(score(scorer, answer).correct, id);
});
