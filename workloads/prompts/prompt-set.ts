import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { InputError } from "../input-error.ts";

const schema = z.strictObject({
  description: z.string().min(1),
  prompts: z
    .array(z.string().trim().min(1, "must not be empty"))
    .min(1, "must hold at least one prompt")
    .refine((all) => new Set(all).size === all.length, "must not hold a prompt twice"),
});

/** The names of all prompt sets, sorted. */
export function promptSetNames(directory: string = import.meta.dirname): string[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => basename(file, ".yaml"))
    .sort();
}

/** The prompts of the set `name`, in the order in which a run sends them. @throws InputError */
export function loadPromptSet(name: string, directory: string = import.meta.dirname): readonly string[] {
  const names = promptSetNames(directory);
  if (!names.includes(name))
    throw new InputError({
      where: `prompt set ${name}`,
      what: "there is no such set",
      next: `name one of ${names.join(", ")}, or write workloads/prompts/${name}.yaml`,
    });
  const where = `workloads/prompts/${name}.yaml`;
  const document = parseDocument(readFileSync(join(directory, `${name}.yaml`), "utf8"));
  const [syntax] = document.errors;
  if (syntax !== undefined) throw new InputError({ where, what: syntax.message, next: "mend the file" });
  const { data, error } = schema.safeParse(document.toJS());
  if (error === undefined) return data.prompts;
  const problems = error.issues.map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": "));
  throw new InputError({ where, what: problems.join("; "), next: "mend the file" });
}
