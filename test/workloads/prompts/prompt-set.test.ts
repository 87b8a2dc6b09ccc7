import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { loadPromptSet, promptSetNames } from "../../../workloads/prompts/prompt-set.ts";
import { InputError } from "../../../workloads/input-error.ts";

test("the sets that come along hold at least eight real prompts each", (t) => {
  t.deepEqual(promptSetNames(), ["field-report", "network-operations", "short-questions"]);
  for (const name of promptSetNames()) {
    const prompts = loadPromptSet(name);
    t.true(prompts.length >= 8);
    for (const prompt of prompts) {
      t.true(prompt.length > 20, prompt);
      t.is(prompt.length > 80, name !== "short-questions", prompt);
      t.false(prompt.includes("\n"), prompt);
    }
  }
});

test("an unknown set is refused with the names there are", (t) => {
  const error = t.throws(() => loadPromptSet("field-reports"), { instanceOf: InputError });
  t.regex(error.next, /field-report, network-operations, short-questions/);
});

test("a name cannot lead out of the directory", (t) => {
  t.throws(() => loadPromptSet("../prompts/field-report"), { instanceOf: InputError });
});

const wrong: Record<string, { text: string; what: RegExp }> = {
  "no prompts": { text: "description: d\nprompts: []\n", what: /prompts: must hold at least one/ },
  "an empty prompt": { text: 'description: d\nprompts: [a, " "]\n', what: /prompts\.1: must not be empty/ },
  "a prompt twice": { text: "description: d\nprompts: [a, b, a]\n", what: /prompts: must not hold a prompt twice/ },
  "a number": { text: "description: d\nprompts: [1]\n", what: /prompts\.0: .*expected string/ },
  "an unknown key": { text: "description: d\nprompts: [a]\nprompt: b\n", what: /prompt/ },
  "an empty file": { text: "", what: /expected object/ },
  "broken YAML": { text: "description: [\n", what: /./ },
};

for (const [title, { text, what }] of Object.entries(wrong))
  test(`a set with ${title} is refused`, (t) => {
    const directory = mkdtempSync(join(tmpdir(), "prompts-"));
    t.teardown(() => {
      rmSync(directory, { recursive: true });
    });
    writeFileSync(join(directory, "mine.yaml"), text);
    const error = t.throws(() => loadPromptSet("mine", directory), { instanceOf: InputError });
    t.is(error.where, "workloads/prompts/mine.yaml");
    t.regex(error.what, what);
  });
