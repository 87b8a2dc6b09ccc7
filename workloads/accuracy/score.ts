import { Ajv2020 } from "ajv/dist/2020.js";
import { letterOf, type Scorer } from "./item.ts";

/** A verdict on one answer. */
export interface Score {
  readonly correct: boolean;
  /** What was understood of the answer; null where nothing could be. */
  readonly read: string | null;
}

type Judge<Type extends Scorer["type"]> = (scorer: Extract<Scorer, { type: Type }>, answer: string) => Score;

/**
 * Judges an answer. What a reasoning model thinks before it answers (between <think> and </think>) is left out, and an
 * answer that was cut off while thinking is none.
 */
export function score(scorer: Scorer, answer: string): Score {
  const said = answer.replace(/<think>[\s\S]*?(<\/think>|$)/g, "").trim();
  if (said === "") return nothing;
  switch (scorer.type) {
    case "exact":
      return exact(scorer, said);
    case "numeric":
      return numeric(scorer, said);
    case "choice":
      return choice(scorer, said);
    case "json-schema":
      return jsonSchema(scorer, said);
    case "regex":
      return { correct: new RegExp(scorer.pattern, "u").test(said), read: said };
    case "contains":
      return contains(scorer, said);
  }
}

const nothing: Score = { correct: false, read: null };

/**
 * Case, spaces, width of letters, Markdown and the quotes or the full stop around an answer are not what is asked for. A
 * model that explains itself is right where one whole line of it is the answer.
 */
const exact: Judge<"exact"> = ({ answer }, said) => {
  const wanted = plain(answer);
  const lines = [said, ...said.split("\n")].map(plain).filter((line) => line !== "");
  const labelled = lines.map((line) => line.replace(/^(the )?(final )?answer( is)?:? +/, ""));
  const found = [...lines, ...labelled].find((line) => line === wanted);
  return { correct: found !== undefined, read: found ?? lines.at(-1) ?? null };
};

function plain(text: string): string {
  const folded = text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim();
  return folded.replace(/^["'`*_“”‘’]+|["'`*_“”‘’.]+$/g, "").trim();
}

/**
 * The number after "####" (as GSM8K writes its answers), else the last one: what a model works out stands before what it
 * comes to. Units and percent signs are left out, commas between groups of three digits too.
 */
const numeric: Judge<"numeric"> = ({ answer, tolerance }, said) => {
  const marked = /####\s*(.+)/.exec(said)?.[1] ?? said;
  const text = marked.replace(/−/g, "-").replace(/(?<=\d),(?=\d{3}(?!\d))/g, "");
  const last = [...text.matchAll(/(?<![\w.])-?(\d+(\.\d+)?|\.\d+)(e[+-]?\d+)?/gi)].at(-1)?.[0];
  if (last === undefined) return nothing;
  // What a computer's fractions lose is no mistake of the model's.
  const slack = Math.max(Math.abs(answer) * 1e-12, 1e-12);
  return { correct: Math.abs(Number(last) - answer) <= tolerance + slack, read: last };
};

/**
 * A letter that is marked as a choice ("B", "B)", "(B)", "**B**", "answer is B"), else the text of the only choice that the
 * answer holds. Never a letter in a word, nor the article "A" in a sentence.
 */
const choice: Judge<"choice"> = ({ choices, answer }, said) => {
  const letters = choices.map((_, index) => letterOf(index)).join("");
  const bare = new RegExp(`^[\\s*_("'\`]*([${letters}])[\\s*_)"'\`.:]*$`, "i").exec(said.split("\n")[0] ?? "");
  const marked = [
    bare,
    new RegExp(`(?:answer|choice|option)(?: is)?[:\\s]*[*_("'\`]*([${letters}])(?![\\w'])`, "i").exec(said),
    new RegExp(`^[\\s*_("'\`]*([${letters}])[)*_.:]`, "im").exec(said),
    new RegExp(`\\(([${letters}])\\)`).exec(said),
  ].find((match) => match !== null);
  const letter = marked?.[1]?.toUpperCase() ?? byText(choices, said);
  return letter === undefined ? nothing : { correct: letter === answer, read: letter };
};

function byText(choices: readonly string[], said: string): string | undefined {
  const text = plain(said);
  const named = choices.flatMap((one, index) => (text.includes(plain(one)) ? [index] : []));
  // A choice whose text is part of another one's is named only where the longer one is not.
  const longest = named.filter((index) =>
    named.every((other) => other === index || !plain(choices[other] ?? "").includes(plain(choices[index] ?? ""))),
  );
  const [only, ...others] = longest;
  return only === undefined || others.length > 0 ? undefined : letterOf(only);
}

const jsonSchema: Judge<"json-schema"> = ({ schema }, said) => {
  const text =
    /```(?:json)?\s*([\s\S]*?)```/i.exec(said)?.[1] ?? said.slice(said.indexOf("{"), said.lastIndexOf("}") + 1);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return nothing;
  }
  return { correct: validatorOf(schema)(value), read: JSON.stringify(value) };
};

const contains: Judge<"contains"> = ({ all }, said) => {
  const text = said.normalize("NFKC").toLowerCase();
  const found = all.filter((part) => text.includes(part.normalize("NFKC").toLowerCase()));
  return { correct: found.length === all.length, read: found.length === 0 ? null : found.join(", ") };
};

// Ajv: the JSON Schema validator that most others are measured by.
const ajv = new Ajv2020({ strict: false, allErrors: false });
const validators = new WeakMap<object, (value: unknown) => boolean>();

function validatorOf(schema: Record<string, unknown>): (value: unknown) => boolean {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  const compiled = ajv.compile(schema);
  const validate = (value: unknown) => compiled(value);
  validators.set(schema, validate);
  return validate;
}
