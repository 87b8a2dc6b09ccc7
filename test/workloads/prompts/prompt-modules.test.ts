import test from "ava";
import fc from "fast-check";
import {
  combinationNames,
  combinationOf,
  loadPromptModules,
  moduleFileNames,
  moduleKinds,
  parsePromptModules,
  type PromptModules,
} from "../../../workloads/prompts/prompt-modules.ts";
import { InputError } from "../../../workloads/input-error.ts";

const modules: PromptModules = {
  role: "ROLE",
  context: "CONTEXT",
  examples: "EXAMPLES",
  constraints: "CONSTRAINTS",
  format: "FORMAT",
};

test("every module file here can be read, and has all kinds of modules", (t) => {
  t.deepEqual(moduleFileNames(), ["edge-operations", "network-operations"]);
  for (const name of moduleFileNames()) t.deepEqual(Object.keys(loadPromptModules(name)), [...moduleKinds]);
});

test("role and context stand before the task, the others after it, in a fixed order", (t) => {
  t.like(combinationOf(modules, "format+role+examples+context+constraints"), {
    before: "ROLE\n\nCONTEXT",
    after: "EXAMPLES\n\nCONSTRAINTS\n\nFORMAT",
  });
  t.like(combinationOf(modules, "examples"), { before: "", after: "EXAMPLES" });
  t.is(combinationOf(modules, "none"), undefined);
});

test("a configuration names combinations by their modules, or asks for all of them, or for each", (t) => {
  const names = (...wanted: string[]) => combinationNames(modules, wanted, "here");
  t.deepEqual(names("none", "all", "format+role"), ["none", "role+context+examples+constraints+format", "role+format"]);
  t.is(names("every").length, 32);
  t.deepEqual(combinationNames({ role: "ROLE", format: "FORMAT" }, ["every", "all"], "here"), [
    "none",
    "role",
    "format",
    "role+format",
  ]);
});

test("a module that the file has not is named", (t) => {
  t.throws(() => combinationNames({ role: "ROLE" }, ["role+format"], "modules/x.yaml"), {
    instanceOf: InputError,
    message: /^modules\/x\.yaml: has no module format, which the combination role\+format asks for/,
  });
});

test("what a file must be is said, every problem at once", (t) => {
  const refused = (yaml: string, message: RegExp) =>
    t.throws(() => parsePromptModules(yaml, "modules/x.yaml"), { instanceOf: InputError, message });
  refused("role: [", /x\.yaml: /);
  refused('description: ""\nrole: ""\nextra: 1\n', /description.*role: must not be empty.*extra/s);
  refused("description: none\n", /has no module/);
  t.throws(() => loadPromptModules("nothing"), { message: /there is no such file/ });
});

test("combinations that differ have different hashes, the same one always the same", (t) => {
  const texts = fc.uniqueArray(fc.stringMatching(/^\S(.*\S)?$/), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(texts, (all) => {
      const any: PromptModules = Object.fromEntries(moduleKinds.map((kind, index) => [kind, all[index]]));
      const names = combinationNames(any, ["every"], "here").filter((name) => name !== "none");
      const hashes = names.map((name) => combinationOf(any, name)?.hash);
      t.is(new Set(hashes).size, names.length);
      t.deepEqual(
        hashes,
        names.map((name) => combinationOf({ ...any }, name)?.hash),
      );
    }),
  );
});
