import { z } from "zod";
import { UserError } from "../user-error.ts";
import type { Conflict } from "./conflict.ts";
import { findExperimentConflicts } from "./experiment-conflicts.ts";
import { experimentSchema, type Experiment } from "./experiment.ts";
import { findSiteConflicts } from "./site-conflicts.ts";
import { siteSchema, type Site } from "./site.ts";

export type StackConfig =
  { readonly kind: "site"; readonly site: Site } | { readonly kind: "experiment"; readonly experiment: Experiment };

/**
 * Reads a stack's own keys: exactly one of `bramble:site` and `bramble:experiment`.
 * @param values the values of these keys, undefined where a key is absent
 * @throws UserError with every error at once, each with its path
 */
export function parseStackConfig(stack: string, values: { site?: unknown; experiment?: unknown }): StackConfig {
  const where = `Pulumi.${stack}.yaml`;
  const hasSite = values.site !== undefined;
  if (hasSite === (values.experiment !== undefined))
    throw new UserError({
      what: `has ${hasSite ? "both" : "neither"} bramble:site ${hasSite ? "and" : "nor"} bramble:experiment`,
      where,
      next: "keep exactly one of the two keys: a site describes a cluster, an experiment what to measure on one",
    });
  return hasSite
    ? { kind: "site", site: parseSite(stack, values.site) }
    : { kind: "experiment", experiment: parseExperiment(stack, values.experiment) };
}

/** @throws UserError with every error at once, each with its path */
export function parseSite(stack: string, value: unknown): Site {
  return parse(siteSchema, value, findSiteConflicts(value), `Pulumi.${stack}.yaml, bramble:site`);
}

/** @throws UserError with every error at once, each with its path */
export function parseExperiment(stack: string, value: unknown): Experiment {
  return parse(experimentSchema, value, findExperimentConflicts(value), `Pulumi.${stack}.yaml, bramble:experiment`);
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  conflicts: readonly Conflict[],
  where: string,
): z.output<Schema> {
  const result = schema.safeParse(value, { reportInput: true });
  const dropped = findDroppedKeys(value);
  if (result.success && conflicts.length === 0 && dropped.length === 0) return result.data;
  const lines = [
    ...dropped.map((path) => `${path.join(".")}: is not a name; choose another`),
    ...(result.error?.issues ?? []).flatMap(describeIssue),
    ...conflicts.map(({ path, message }) => `${path.join(".")}: ${message}`),
  ];
  throw new UserError({
    what: `${lines.length === 1 ? "an error" : `${lines.length} errors`}\n${lines.map((line) => `  - ${line}`).join("\n")}`,
    where,
    next: "correct what is named above; stacks/config/schema.json describes every key",
  });
}

/** Paths of keys that zod leaves out of what it reads without a word. */
function findDroppedKeys(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(key === "__proto__" ? [[...path, key]] : []),
    ...findDroppedKeys(inner, [...path, key]),
  ]);
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.map(String);
  const at = (keys: string[]) => (keys.length === 0 ? "(the whole value)" : keys.join("."));
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => `${at([...path, key])}: is not a key here; remove it or correct its spelling`);
  if (issue.code === "invalid_type" && issue.input === undefined)
    return [`${at(path)}: is missing; it must be a value of type ${issue.expected}`];
  if (issue.code === "invalid_key") return [`${at(path)}: ${issue.issues.map(({ message }) => message).join("; ")}`];
  return [`${at(path)}: ${issue.message}`];
}
