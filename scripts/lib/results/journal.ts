import { runsOf, settingsOf } from "../../../workloads/benchmark/order.ts";
import type { Plan } from "../../../workloads/benchmark/plan.ts";
import type {
  BlockStart,
  JournalRecord,
  RequestRecord,
  RunEnd,
  RunStart,
} from "../../../workloads/benchmark/record.ts";
import { tasksOf } from "../../../workloads/benchmark/task.ts";
import { parseRecord } from "./record-schema.ts";

/** What a block's journal says, with superseded attempts and warm-up requests taken out. */
export interface BlockJournal<Run = RunJournal> {
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
  readonly runs: readonly Run[];
  readonly ollamaVersions: readonly string[];
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

/** What a journal has to belong to. */
export interface ExpectedJournal {
  readonly runId: string;
  readonly plan: Plan;
  readonly block: number;
}

/** Reads a block's journal that is at hand as text: see {@link readJournal}. */
export function parseJournal(text: string, expected: ExpectedJournal): BlockJournal {
  return readJournal(text.match(/[^\n]*\n|[^\n]+$/g) ?? [], expected, (run) => run);
}

/**
 * Reads a block's journal line by line. Never throws on what a journal holds: what can't be trusted is an invalid block.
 * @param lines with their line ends
 * @param reduce what to keep of a run, asked as soon as it has ended: its requests are held no longer than that
 */
export function readJournal<Run>(
  lines: Iterable<string>,
  expected: ExpectedJournal,
  reduce: (run: RunJournal) => Run,
): BlockJournal<Run> {
  const reader = new JournalReader(expected, reduce);
  for (const line of lines) reader.add(line);
  return reader.end();
}

/** Runs of each block as a journal names them, in no particular order. */
export function plannedRuns(plan: Plan): string[] {
  return runsOf(plan).map(({ name }) => name);
}

/** A run of the current attempt. */
interface OpenRun {
  start: RunStart | null;
  readonly measured: RequestRecord[];
}

class JournalReader<Run> {
  readonly #expected: ExpectedJournal;
  readonly #reduce: (run: RunJournal) => Run;
  readonly #planned: ReadonlySet<string>;
  /** Lines that were ended; those up to the last one that could be read, and the first that could not. */
  #lines = 0;
  #soundLines = 0;
  #damagedLine: number | null = null;
  #unended = 0;
  #records = 0;
  #attempts = 0;
  readonly #ollamaVersions = new Set<string>();
  /** The first thing that makes the journal invalid. */
  #problem: string | null = null;
  #attempt: number | null = null;
  readonly #open = new Map<string, OpenRun>();
  readonly #ended = new Map<string, Run>();
  #complete = false;

  constructor(expected: ExpectedJournal, reduce: (run: RunJournal) => Run) {
    this.#expected = expected;
    this.#reduce = reduce;
    this.#planned = new Set(plannedRuns(expected.plan));
  }

  /**
   * An interruption tears only the end of a journal: the last line without its line end, or a tail of zeros. The runner
   * cuts it away before it goes on, so a line that can't be read with sound ones after it is damage.
   */
  add(line: string): void {
    if (!line.endsWith("\n")) {
      this.#unended = 1;
      return;
    }
    this.#lines += 1;
    const record = parseRecord(line);
    if (record === null) {
      this.#damagedLine ??= this.#lines;
      return;
    }
    this.#soundLines = this.#lines;
    this.#records += 1;
    if (record.type === "block-start") {
      this.#attempts += 1;
      if (record.ollamaVersion !== null) this.#ollamaVersions.add(record.ollamaVersion);
    }
    if (this.#damagedLine !== null) this.#problem ??= `line ${this.#damagedLine} can't be read`;
    this.#problem ??= this.#problemOf(record);
  }

  end(): BlockJournal<Run> {
    const [ended, planned] = [this.#ended.size, this.#planned.size];
    if (this.#complete && ended < planned) this.#problem ??= `it ended with ${ended} of ${planned} runs`;
    const read = {
      records: this.#records,
      attempts: this.#attempts,
      tornLines: this.#lines - this.#soundLines + this.#unended,
      ollamaVersions: [...this.#ollamaVersions],
    };
    if (this.#problem !== null) return { state: "invalid", problem: this.#problem, runs: [], ...read };
    const runs = [...this.#ended.values()];
    return this.#complete
      ? { state: "complete", problem: null, runs, ...read }
      : { state: "partial", problem: `${ended} of ${planned} runs ended`, runs, ...read };
  }

  /** Takes a record in. @returns why the journal can't be trusted any more, or null */
  #problemOf(record: JournalRecord): string | null {
    if (record.block !== this.#expected.block) return `it holds a record of block ${record.block}`;
    if (record.type === "block-start") return this.#begin(record);
    if (record.attempt !== this.#attempt) return `a record of attempt ${record.attempt} lies outside that attempt`;
    switch (record.type) {
      case "run-start":
        this.#openRun(record).start = record;
        return null;
      case "request": {
        const name = nameOf(record);
        if (this.#ended.has(name)) return `a request of run ${name} follows its end`;
        if (record.request >= 0) this.#openRun(record).measured.push(record);
        return null;
      }
      case "run-end":
        return this.#endRun(record);
      case "block-end":
        this.#complete = true;
        return null;
    }
  }

  /** A run counts in the attempt in which it ended; what earlier attempts left of it is superseded. */
  #begin(record: BlockStart): string | null {
    if (record.runId !== this.#expected.runId) return `it belongs to run ${record.runId}`;
    if (sorted(record.order) !== sorted(this.#planned)) return "its runs are not the plan's";
    if (this.#attempt !== null && record.attempt <= this.#attempt)
      return `attempt ${record.attempt} follows attempt ${this.#attempt}`;
    this.#attempt = record.attempt;
    this.#open.clear();
    return null;
  }

  #openRun(record: RunStart | RequestRecord): OpenRun {
    const name = nameOf(record);
    let run = this.#open.get(name);
    if (run === undefined) this.#open.set(name, (run = { start: null, measured: [] }));
    return run;
  }

  #endRun(end: RunEnd): string | null {
    const name = nameOf(end);
    if (!this.#planned.has(name)) return `run ${name} is not in the plan`;
    if (this.#ended.has(name)) return `run ${name} ended twice`;
    const { start, measured } = this.#open.get(name) ?? { start: null, measured: [] };
    if (start === null) return `run ${name} ended, but did not begin`;
    const { plan } = this.#expected;
    const settings = settingsOf(plan, end);
    const problem = problemOfRequests(name, measured, {
      digest: plan.models[settings.variant.model]?.digest ?? null,
      count: tasksOf(plan, settings, end.block).measured.length,
    });
    if (problem !== null) return problem;
    const from = measured.reduce((earliest, { at }) => Math.min(earliest, at), end.at);
    const { variant, scenario } = end;
    this.#ended.set(name, this.#reduce({ variant, scenario, requests: measured, from, to: end.at, start, end }));
    this.#open.delete(name);
    return null;
  }
}

const sorted = (names: Iterable<string>) => [...names].sort().join(" ");
const nameOf = ({ variant, scenario }: RunStart | RequestRecord | RunEnd) => `${variant}/${scenario}`;

function problemOfRequests(
  name: string,
  measured: readonly RequestRecord[],
  planned: { readonly digest: string | null; readonly count: number },
): string | null {
  const numbers = new Set(measured.map(({ request }) => request));
  if (numbers.size !== measured.length) return `run ${name} has a request twice`;
  if (measured.length !== planned.count)
    return `run ${name} ended with ${measured.length} of ${planned.count} requests`;
  for (const { outcome, modelDigest } of measured)
    if (outcome === "ok" && modelDigest !== null && modelDigest !== planned.digest)
      return `run ${name} was answered by another model, ${modelDigest}`;
  return null;
}
