import type { PropertyMap, PropertyValue } from "../property-values.ts";
import { isMap, isUnknown, reveal } from "../property-values.ts";

/** The properties of command:local:Command that a process is made of, all known. */
export interface CommandInputs {
  create?: string;
  update?: string;
  delete?: string;
  stdin?: string;
  dir?: string;
  interpreter?: string[];
  environment?: Record<string, string>;
  logging?: "stdout" | "stderr" | "stdoutAndStderr" | "none";
  addPreviousOutputInEnv?: boolean;
  triggers?: PropertyValue[];
}

export interface InputFailure {
  property: string;
  reason: string;
}

type Rule = (value: PropertyValue) => string | undefined;

const text: Rule = (value) => (typeof value === "string" ? undefined : "must be a string");
const rules: Record<string, Rule> = {
  create: text,
  update: text,
  delete: text,
  stdin: text,
  dir: text,
  interpreter: (value) => (isTextList(value) ? undefined : "must be a list of strings"),
  environment: (value) =>
    isMap(value) && isTextList(Object.values(value)) ? undefined : "must be a map from names to strings",
  logging: (value) =>
    ["stdout", "stderr", "stdoutAndStderr", "none"].includes(value as string)
      ? undefined
      : "must be stdout, stderr, stdoutAndStderr or none",
  addPreviousOutputInEnv: (value) => (typeof value === "boolean" ? undefined : "must be true or false"),
  triggers: (value) => (Array.isArray(value) ? undefined : "must be a list"),
  assetPaths: () => "is not offered by the offline command provider",
  archivePaths: () => "is not offered by the offline command provider",
};

/** What is wrong with the inputs of a local command, all at once. Values not known yet are right for now. */
export function findInputFailures(inputs: PropertyMap): InputFailure[] {
  return Object.entries(inputs).flatMap(([property, value]) => {
    const rule: Rule = Object.hasOwn(rules, property)
      ? (rules[property] ?? text)
      : () => "is not a property of Command";
    const plain = reveal(value);
    const reason = isUnknown(plain) ? undefined : rule(plain);
    return reason === undefined ? [] : [{ property, reason }];
  });
}

/** The inputs in a state or a request, without secret marks; outputs in the state are left aside. */
export function readCommandInputs(properties: PropertyMap): CommandInputs {
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([name]) => Object.hasOwn(rules, name))
      .map(([name, value]) => [name, reveal(value)]),
  );
}

function isTextList(value: PropertyValue): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
