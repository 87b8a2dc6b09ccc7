import { z } from "zod";

/** How an answer is judged. */
const scorer = z.discriminatedUnion("type", [
  /** The answer, or one line of it, is this text. */
  z.strictObject({ type: z.literal("exact"), answer: z.string().min(1) }),
  /** The number that the answer gives is within the tolerance. */
  z.strictObject({ type: z.literal("numeric"), answer: z.number(), tolerance: z.number().min(0).default(0) }),
  /** The answer names the right one of the choices, by letter or text. */
  z.strictObject({
    type: z.literal("choice"),
    choices: z.array(z.string().min(1)).min(2).max(10),
    answer: z.string().regex(/^[A-J]$/),
  }),
  /** The answer is JSON that this JSON Schema allows. */
  z.strictObject({ type: z.literal("json-schema"), schema: z.record(z.string(), z.unknown()) }),
  /** The answer matches. */
  z.strictObject({
    type: z.literal("regex"),
    pattern: z.string().min(1).refine(compiles, "must be a regular expression"),
  }),
  /** The answer contains each of these, whatever their case. */
  z.strictObject({ type: z.literal("contains"), all: z.array(z.string().min(1)).min(1) }),
]);
export type Scorer = z.infer<typeof scorer>;

/** A question with its scorer: one line of a suite. */
export const itemSchema = z
  .strictObject({
    id: z.string().min(1),
    kind: z.string().regex(/^[a-z][a-z0-9-]*$/, "must be lower-case letters, digits and dashes"),
    prompt: z.string().trim().min(1),
    scorer,
  })
  .refine(
    ({ scorer: { type, ...rest } }) =>
      type !== "choice" || !("choices" in rest) || letterOf(rest.choices.length - 1) >= rest.answer,
    "has an answer that is none of its choices",
  );
export type Item = z.infer<typeof itemSchema>;

/** "A" for 0. */
export function letterOf(index: number): string {
  return String.fromCharCode("A".charCodeAt(0) + index);
}

/** The prompt as it is asked: choices stand below the question, each with its letter. */
export function promptOf({ prompt, scorer: judged }: Item): string {
  if (judged.type !== "choice") return prompt;
  const choices = judged.choices.map((choice, index) => `${letterOf(index)}) ${choice}`);
  return [prompt, ...choices, "Answer with the letter of the right choice."].join("\n");
}

function compiles(pattern: string): boolean {
  try {
    new RegExp(pattern, "u");
    return true;
  } catch {
    return false;
  }
}
