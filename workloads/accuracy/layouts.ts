import { z } from "zod";
import { InputError } from "../input-error.ts";
import { itemSchema, letterOf, type Item } from "./item.ts";

/** Stands in for what a line's layout does not say. */
interface Place {
  readonly id: string;
  readonly kind: string;
}

const text = z.string().min(1);
/** Subjects as kinds: lower case, dashes. */
function kindOf(subject: string | undefined, otherwise: string): string {
  const kind = (subject ?? "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
  return kind === "" ? otherwise : kind;
}

/** The layouts that public suites come in, by the fields that tell them apart; the first that fits is taken. */
const layouts: readonly { readonly name: string; readonly read: (value: unknown, place: Place) => Item | undefined }[] =
  [
    { name: "our own", read: (value) => itemSchema.safeParse(value).data },
    {
      name: "MMLU",
      read: layout(
        z.object({
          question: text,
          choices: z.array(text).min(2),
          answer: z.union([z.int().min(0), z.string().regex(/^[A-J]$/)]),
          subject: z.string().optional(),
        }),
        ({ question, choices, answer, subject }, { id, kind }) => ({
          ...{ id, kind: kindOf(subject, kind), prompt: question },
          scorer: { type: "choice", choices, answer: typeof answer === "number" ? letterOf(answer) : answer },
        }),
      ),
    },
    {
      name: "ARC",
      read: layout(
        z.object({
          id: text.optional(),
          question: z.union([text, z.object({ stem: text, choices: z.array(z.object({ text, label: text })).min(2) })]),
          choices: z.object({ text: z.array(text).min(2), label: z.array(text).min(2) }).optional(),
          answerKey: text,
        }),
        ({ id, question, choices, answerKey }, place) => {
          const [prompt, all] =
            typeof question === "string"
              ? [
                  question,
                  (choices?.text ?? []).map((one, index) => ({ text: one, label: choices?.label[index] ?? "" })),
                ]
              : [question.stem, question.choices];
          return {
            ...{ id: id ?? place.id, kind: place.kind, prompt },
            scorer: {
              type: "choice",
              choices: all.map((one) => one.text),
              answer: letterOf(all.findIndex(({ label }) => label === answerKey)),
            },
          };
        },
      ),
    },
    {
      name: "GSM8K",
      read: layout(
        z.object({ question: text, answer: z.string().regex(/####\s*-?[\d,.]+\s*$/) }),
        ({ question, answer }, place) => ({
          ...place,
          prompt: question,
          scorer: {
            type: "numeric",
            answer: Number((/####\s*(-?[\d,.]+)\s*$/.exec(answer)?.[1] ?? "").replaceAll(",", "")),
            tolerance: 0,
          },
        }),
      ),
    },
    {
      name: "HellaSwag",
      read: layout(
        z.object({
          ctx: text,
          endings: z.array(text).min(2),
          label: z.union([z.int().min(0), z.string().regex(/^\d$/)]),
          activity_label: z.string().optional(),
        }),
        ({ ctx, endings, label, activity_label: activity }, { id, kind }) => ({
          ...{ id, kind: kindOf(activity, kind), prompt: `Which of the endings goes on best?\n${ctx}` },
          scorer: { type: "choice", choices: endings, answer: letterOf(Number(label)) },
        }),
      ),
    },
  ];

function layout<Schema extends z.ZodType>(
  schema: Schema,
  convert: (value: z.output<Schema>, place: Place) => unknown,
): (value: unknown, place: Place) => Item | undefined {
  return (value, place) => {
    const { data } = schema.safeParse(value);
    return data === undefined ? undefined : itemSchema.safeParse(convert(data, place)).data;
  };
}

/**
 * The items of a JSONL text, in our own layout or one of those that MMLU, ARC, GSM8K and HellaSwag come in.
 * @param name what the text is called: for errors, for the ids of items that have none, and as their kind
 * @throws InputError naming the first line that is no item, or an id that comes twice
 */
export function parseSuite(jsonl: string, name: string): Item[] {
  const kind = kindOf(name.replace(/^.*\//, "").replace(/\.jsonl$/, ""), "items");
  const items = jsonl.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const place = { id: `${kind}-${index + 1}`, kind };
    return [parseLine(line, place, `${name}, line ${index + 1}`)];
  });
  if (items.length === 0) throw new InputError({ where: name, what: "holds no item", next: "add some, one a line" });
  const ids = new Set<string>();
  for (const { id } of items) {
    if (ids.has(id)) throw new InputError({ where: name, what: `holds ${id} twice`, next: "give each item an id" });
    ids.add(id);
  }
  return items;
}

function parseLine(line: string, place: Place, where: string): Item {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new InputError({ where, what: "is not JSON", next: "mend or remove the line" }, { cause: error });
  }
  for (const { read } of layouts) {
    const item = read(value, place);
    if (item !== undefined) return item;
  }
  throw new InputError({
    where,
    what: `is no item in the layout of ${layouts.map(({ name }) => name).join(", ")}`,
    next: "compare it with workloads/accuracy/edge-operations.jsonl",
  });
}
