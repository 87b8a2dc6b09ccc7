import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { z } from "zod";
import { runsOf, settingsOf } from "../../../workloads/benchmark/order.ts";
import type { Plan } from "../../../workloads/benchmark/plan.ts";
import { tasksOf } from "../../../workloads/benchmark/task.ts";
import type {
  FailureLabel,
  JournalRecord,
  RequestRecord,
  RunEnd,
  RunStart,
} from "../../../workloads/benchmark/record.ts";

/** What a block's journal says, with superseded attempts and warm-up requests taken out. */
export interface BlockJournal {
  /** complete: all runs of the block ended; partial: it was interrupted or goes on; invalid: it can't be trusted. */
  readonly state: "complete" | "partial" | "invalid";
  /** Why it is not complete; null when it is. */
  readonly problem: string | null;
  /** Lines that could be read. */
  readonly records: number;
  readonly attempts: number;
  /** Lines cut off by an interruption. */
  readonly tornLines: number;
  /** Runs that ended, in the order in which they were measured; none in an invalid block. */
  readonly runs: readonly RunJournal[];
  readonly ollamaVersions: readonly string[];
  /** Of its first attempt; null where it did not begin. */
  readonly order: readonly string[] | null;
}

/** One run: a variant on a scenario, once. */
export interface RunJournal {
  readonly variant: string;
  readonly scenario: string;
  /** Measured requests in the order in which they were sent; warm-up is left out. */
  readonly requests: readonly RequestRecord[];
  /** Unix time in ms of its first measured request, and of its end. */
  readonly from: number;
  readonly to: number;
  /** Before its first request, warm-up included, and at its end: both clocks of the runner, the node's temperature, the model. */
  readonly start: Pick<RunStart, "at" | "monotonic" | "temperature" | "cooledFor">;
  readonly end: Pick<RunEnd, "at" | "monotonic" | "modelDigest">;
}

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

class InvalidJournal extends Error {}

/** What a journal has to belong to. */
export interface ExpectedJournal {
  readonly runId: string;
  readonly plan: Plan;
  readonly block: number;
}

/** Reads a block's journal. Never throws on what a journal holds: what can't be trusted is an invalid block. */
export function parseJournal(text: string, expected: ExpectedJournal): BlockJournal {
  const { records, tornLines, problem } = readLines(text);
  const starts = records.filter((record) => record.type === "block-start");
  const read = {
    records: records.length,
    attempts: starts.length,
    tornLines,
    order: starts[0]?.order ?? null,
    ollamaVersions: [...new Set(starts.flatMap(({ ollamaVersion }) => ollamaVersion ?? []))],
  };
  try {
    if (problem !== null) throw new InvalidJournal(problem);
    checkOrigin(records, expected);
    const runs = endedRuns(records, expected.plan);
    const planned = plannedRuns(expected.plan).length;
    if (records.some(({ type }) => type === "block-end")) {
      if (runs.length < planned) throw new InvalidJournal(`it ended with ${runs.length} of ${planned} runs`);
      return { state: "complete", problem: null, runs, ...read };
    }
    return { state: "partial", problem: `${runs.length} of ${planned} runs ended`, runs, ...read };
  } catch (error) {
    if (!(error instanceof InvalidJournal)) throw error;
    return { state: "invalid", problem: error.message, runs: [], ...read };
  }
}

/** Runs of each block as a journal names them, in no particular order. */
export function plannedRuns(plan: Plan): string[] {
  return runsOf(plan).map(({ name }) => name);
}

/**
 * An interruption tears only the end of a journal: the last line without its line end, or a tail of zeros. The runner
 * cuts it away before it goes on, so a line that can't be read with sound ones after it is damage.
 */
function readLines(text: string): { records: JournalRecord[]; tornLines: number; problem: string | null } {
  const lines = text.split("\n");
  const unended = lines.pop() === "" ? 0 : 1;
  const parsed = lines.map(readRecord);
  const sound = parsed.findLastIndex((record) => record !== null) + 1;
  const damaged = parsed.indexOf(null);
  return {
    records: parsed.filter((record) => record !== null),
    tornLines: lines.length - sound + unended,
    problem: damaged !== -1 && damaged < sound ? `line ${damaged + 1} can't be read` : null,
  };
}

function readRecord(line: string): JournalRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (value === null || typeof value !== "object" || !("type" in value)) return null;
  return checks.get(value.type)?.(value) === true ? value : null;
}

function checkOrigin(records: readonly JournalRecord[], expected: ExpectedJournal): void {
  const planned = plannedRuns(expected.plan).sort().join(" ");
  let attempt: number | null = null;
  for (const record of records) {
    if (record.block !== expected.block) throw new InvalidJournal(`it holds a record of block ${record.block}`);
    if (record.type === "block-start") {
      if (record.runId !== expected.runId) throw new InvalidJournal(`it belongs to run ${record.runId}`);
      if ([...record.order].sort().join(" ") !== planned) throw new InvalidJournal("its runs are not the plan's");
      if (attempt !== null && record.attempt <= attempt)
        throw new InvalidJournal(`attempt ${record.attempt} follows attempt ${attempt}`);
      attempt = record.attempt;
    } else if (record.attempt !== attempt) {
      throw new InvalidJournal(`a record of attempt ${record.attempt} lies outside that attempt`);
    }
  }
}

/** A run counts in the attempt in which it ended; what earlier attempts left of it is superseded. */
function endedRuns(records: readonly JournalRecord[], plan: Plan): RunJournal[] {
  const key = ({ variant, scenario }: { variant: string; scenario: string }) => `${variant}/${scenario}`;
  const planned = new Set(plannedRuns(plan));
  const requests = Map.groupBy(
    records.filter((record) => record.type === "request"),
    (request) => `${key(request)}#${request.attempt}`,
  );
  const starts = new Map(
    records.flatMap((record) => (record.type === "run-start" ? [[`${key(record)}#${record.attempt}`, record]] : [])),
  );
  const ends = new Set<string>();
  return records
    .filter((record) => record.type === "run-end")
    .map((end) => {
      const name = key(end);
      if (!planned.has(name)) throw new InvalidJournal(`run ${name} is not in the plan`);
      if (ends.has(name)) throw new InvalidJournal(`run ${name} ended twice`);
      ends.add(name);
      const all = requests.get(`${name}#${end.attempt}`) ?? [];
      const measured = all.filter(({ request }) => request >= 0);
      const start = starts.get(`${name}#${end.attempt}`);
      if (start === undefined) throw new InvalidJournal(`run ${name} ended, but did not begin`);
      const settings = settingsOf(plan, end);
      checkRequests(name, measured, {
        digest: plan.models[settings.variant.model]?.digest ?? null,
        count: tasksOf(plan, settings, end.block).measured.length,
      });
      const from = measured.reduce((earliest, { at }) => Math.min(earliest, at), end.at);
      return { variant: end.variant, scenario: end.scenario, requests: measured, from, to: end.at, start, end };
    });
}

function checkRequests(
  name: string,
  measured: readonly RequestRecord[],
  planned: { readonly digest: string | null; readonly count: number },
): void {
  const numbers = new Set(measured.map(({ request }) => request));
  if (numbers.size !== measured.length) throw new InvalidJournal(`run ${name} has a request twice`);
  if (measured.length !== planned.count)
    throw new InvalidJournal(`run ${name} ended with ${measured.length} of ${planned.count} requests`);
  for (const { outcome, modelDigest } of measured)
    if (outcome === "ok" && modelDigest !== null && modelDigest !== planned.digest)
      throw new InvalidJournal(`run ${name} was answered by another model, ${modelDigest}`);
}
