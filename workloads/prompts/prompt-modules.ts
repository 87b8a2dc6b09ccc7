import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import type { ModuleCombination } from "../benchmark/plan.ts";
import { InputError } from "../input-error.ts";

/**
 * The modules that a prompt can be composed of, in their order around the task: role, context, TASK, examples,
 * constraints, output format. Those named here are optional; the task is the prompt or the item itself.
 */
export const moduleKinds = ["role", "context", "examples", "constraints", "format"] as const;
export type ModuleKind = (typeof moduleKinds)[number];
const beforeTask: readonly ModuleKind[] = ["role", "context"];

/** Module texts by kind, as a file has them. */
export type PromptModules = Readonly<Partial<Record<ModuleKind, string>>>;

const text = z.string().trim().min(1, "must not be empty");
const schema = z.strictObject({
  description: z.string().min(1),
  role: text.optional().describe("who the model is to be"),
  context: text.optional().describe("what it has to know of the place"),
  examples: text.optional().describe("questions with their answers"),
  constraints: text.optional().describe("what an answer must keep to"),
  format: text.optional().describe("how an answer is to look"),
});

const directory = join(import.meta.dirname, "modules");

/** The names of all module files, sorted. */
export function moduleFileNames(from: string = directory): string[] {
  return readdirSync(from)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => basename(file, ".yaml"))
    .sort();
}

/** The modules of the file `name`. @throws InputError where there is none, or it is not as it must be */
export function loadPromptModules(name: string, from: string = directory): PromptModules {
  const names = moduleFileNames(from);
  if (!names.includes(name))
    throw new InputError({
      where: `prompt modules ${name}`,
      what: "there is no such file",
      next: `name one of ${names.join(", ")}, or write workloads/prompts/modules/${name}.yaml`,
    });
  return parsePromptModules(readFileSync(join(from, `${name}.yaml`), "utf8"), `workloads/prompts/modules/${name}.yaml`);
}

/** @throws InputError with every problem at once */
export function parsePromptModules(yaml: string, where: string): PromptModules {
  const document = parseDocument(yaml);
  const [syntax] = document.errors;
  if (syntax !== undefined) throw new InputError({ where, what: syntax.message, next: "mend the file" });
  const { data, error } = schema.safeParse(document.toJS());
  if (error !== undefined) {
    const problems = error.issues.map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": "));
    throw new InputError({ where, what: problems.join("; "), next: "mend the file" });
  }
  const modules = Object.fromEntries(moduleKinds.flatMap((kind) => (data[kind] ? [[kind, data[kind]]] : [])));
  if (Object.keys(modules).length === 0)
    throw new InputError({ where, what: "has no module", next: `give it one of ${moduleKinds.join(", ")}` });
  return modules;
}

/**
 * The names of combinations that a configuration asks for: "none", "all", kinds joined by "+", or "every" for each
 * combination there is. In their order, each once.
 * @throws InputError where a kind is not in the file
 */
export function combinationNames(modules: PromptModules, wanted: readonly string[], where: string): string[] {
  const present = moduleKinds.filter((kind) => modules[kind] !== undefined);
  const names = wanted.flatMap((name) => {
    if (name === "none") return ["none"];
    if (name === "every") return combinationsOf(present);
    const asked = name === "all" ? present : name.split("+");
    const missing = asked.filter((kind) => !present.includes(kind as ModuleKind));
    if (missing.length > 0)
      throw new InputError({
        where,
        what: `has no module ${missing.join(", ")}, which the combination ${name} asks for`,
        next: `name some of ${present.join(", ")}, or add the module`,
      });
    return [nameOf(present.filter((kind) => asked.includes(kind)))];
  });
  return [...new Set(names)];
}

/** The text around a task; undefined for "none". */
export function combinationOf(modules: PromptModules, name: string): ModuleCombination | undefined {
  if (name === "none") return undefined;
  const kinds = moduleKinds.filter((kind) => name.split("+").includes(kind));
  const texts = (some: readonly ModuleKind[]) => some.map((kind) => modules[kind] ?? "").join("\n\n");
  const before = texts(kinds.filter((kind) => beforeTask.includes(kind)));
  const after = texts(kinds.filter((kind) => !beforeTask.includes(kind)));
  const hash = createHash("sha256")
    .update(JSON.stringify([before, after]))
    .digest("hex")
    .slice(0, 12);
  return { hash, before, after };
}

/** All subsets, from none to all, in a fixed order. */
function combinationsOf(kinds: readonly ModuleKind[]): string[] {
  return Array.from({ length: 2 ** kinds.length }, (_, bits) =>
    nameOf(kinds.filter((_kind, bit) => (bits >> bit) & 1)),
  );
}

function nameOf(kinds: readonly ModuleKind[]): string {
  return kinds.length === 0 ? "none" : kinds.join("+");
}
