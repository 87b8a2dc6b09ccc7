import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { z } from "zod";
import type { FailureLabel, JournalRecord } from "../../../workloads/benchmark/record.ts";

const milliseconds = z.number().min(0);
const count = z.int().min(0);
const position = { block: count, attempt: z.int(), at: milliseconds };
const run = { ...position, variant: z.string(), scenario: z.string() };
const failures = [
  "timeout",
  "refused",
  "truncated",
  "wrong-model",
  "overload",
  "error",
] as const satisfies FailureLabel[];

const recordSchemas = {
  "block-start": z.object({
    type: z.literal("block-start"),
    schema: z.literal(2),
    runId: z.string(),
    ...position,
    order: z.array(z.string()),
    node: z.string(),
    pod: z.string(),
    runtime: z.string(),
    ollamaVersion: z.string().nullable(),
  }),
  "run-start": z.object({
    type: z.literal("run-start"),
    ...run,
    monotonic: milliseconds,
    temperature: z.number().nullable(),
    cooledFor: z.number().min(0),
  }),
  request: z.object({
    type: z.literal("request"),
    ...run,
    request: z.int(),
    prompt: count,
    scheduled: milliseconds.nullable(),
    outcome: z.enum(["ok", ...failures]),
    error: z.string().nullable(),
    timeToFirstToken: milliseconds.nullable(),
    gaps: z.array(milliseconds),
    endToEnd: milliseconds.nullable(),
    tokensIn: count.nullable(),
    tokensOut: count.nullable(),
    ollama: z.object({
      total: count.nullable(),
      load: count.nullable(),
      promptEval: count.nullable(),
      eval: count.nullable(),
    }),
    doneReason: z.string().nullable(),
    answer: z.string().nullable(),
    modelDigest: z.string().nullable(),
  }),
  "run-end": z.object({
    type: z.literal("run-end"),
    ...run,
    monotonic: milliseconds,
    modelDigest: z.string().nullable(),
  }),
  "block-end": z.object({ type: z.literal("block-end"), ...position }),
} satisfies { [Type in JournalRecord["type"]]: z.ZodType<Extract<JournalRecord, { type: Type }>> };

/** Compiled from the schemas: a journal has as many records as requests, and Ajv checks one several times as fast as Zod. */
const checks = new Map<unknown, ValidateFunction<JournalRecord>>(
  Object.entries(recordSchemas).map(([type, schema]) => [
    type,
    new Ajv2020({ strict: false }).compile<JournalRecord>(z.toJSONSchema(schema, { io: "input" })),
  ]),
);

/** A journal's line, with or without its line end; null for what is not a record. */
export function parseRecord(line: string): JournalRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (value === null || typeof value !== "object" || !("type" in value)) return null;
  return checks.get(value.type)?.(value) === true ? value : null;
}
