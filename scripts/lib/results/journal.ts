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

/** What a journal has to belong to. */
export interface ExpectedJournal {
  readonly runId: string;
  readonly plan: Plan;
  readonly block: number;
}

/** Makes of a run's measured requests, given one by one as they are read, what is kept of the run. */
export interface RunReducer<Run> {
  add(request: RequestRecord): void;
  /** Asked once, and only for a run that ended as it should. */
  end(run: Omit<RunJournal, "requests">): Run;
}

/** Reads a block's journal that is at hand as text, and keeps all of it: see {@link readJournal}. */
export function parseJournal(text: string, expected: ExpectedJournal): BlockJournal {
  return readJournal(text.match(/[^\n]*\n|[^\n]+$/g) ?? [], expected, () => {
    const requests: RequestRecord[] = [];
    return { add: (request) => requests.push(request), end: (run) => ({ ...run, requests }) };
  });
}

/**
 * Reads a block's journal line by line. Never throws on what a journal holds: what can't be trusted is an invalid block.
 * @param lines with their line ends
 * @param startRun makes what reduces a run: no request is held here
 */
export function readJournal<Run>(
  lines: Iterable<string>,
  expected: ExpectedJournal,
  startRun: () => RunReducer<Run>,
): BlockJournal<Run> {
  const reader = new JournalReader(expected, startRun);
  for (const line of lines) reader.add(line);
  return reader.end();
}

/**
 * The runs that a block's journal holds, each as soon as it ended, and forgotten then. Of a journal that {@link readJournal} calls invalid
 * these are the runs before what is wrong with it.
 * @param lines with their line ends
 */
export function* readRuns(lines: Iterable<string>, expected: ExpectedJournal): Generator<RunJournal> {
  const ended: RunJournal[] = [];
  const reader = new JournalReader(expected, () => {
    const requests: RequestRecord[] = [];
    return { add: (request) => requests.push(request), end: (run) => ended.push({ ...run, requests }) };
  });
  for (const line of lines) {
    reader.add(line);
    yield* ended.splice(0);
  }
}

/** Runs of each block as a journal names them, in no particular order. */
export function plannedRuns(plan: Plan): string[] {
  return runsOf(plan).map(({ name }) => name);
}

/** A run of the current attempt. */
interface OpenRun<Run> {
  start: RunStart | null;
  /** Of its first measured request. */
  from: number;
  requests: number;
  readonly numbers: Set<number>;
  /** Of the models that answered. */
  readonly digests: Set<string>;
  readonly reducer: RunReducer<Run>;
}

class JournalReader<Run> {
  readonly #expected: ExpectedJournal;
  readonly #startRun: () => RunReducer<Run>;
  readonly #planned: ReadonlySet<string>;
  /** Lines that were ended; those up to the last one that could be read, and the first that could not. */
  #lines = 0;
  #soundLines = 0;
  #damagedLine: number | null = null;
  #unended = 0;
  #records = 0;
  #attempts = 0;
  #order: readonly string[] | null = null;
  readonly #ollamaVersions = new Set<string>();
  /** The first thing that makes the journal invalid. */
  #problem: string | null = null;
  #attempt: number | null = null;
  readonly #open = new Map<string, OpenRun<Run>>();
  readonly #ended = new Map<string, Run>();
  #complete = false;

  constructor(expected: ExpectedJournal, startRun: () => RunReducer<Run>) {
    this.#expected = expected;
    this.#startRun = startRun;
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
      this.#order ??= record.order;
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
      order: this.#order,
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
        this.#openRun(nameOf(record)).start = record;
        return null;
      case "request":
        return this.#addRequest(record);
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

  #openRun(name: string): OpenRun<Run> {
    let run = this.#open.get(name);
    if (run === undefined) {
      const seen = { from: Infinity, requests: 0, numbers: new Set<number>(), digests: new Set<string>() };
      this.#open.set(name, (run = { start: null, ...seen, reducer: this.#startRun() }));
    }
    return run;
  }

  #addRequest(record: RequestRecord): string | null {
    const name = nameOf(record);
    if (this.#ended.has(name)) return `a request of run ${name} follows its end`;
    if (record.request < 0) return null;
    const run = this.#openRun(name);
    run.from = Math.min(run.from, record.at);
    run.requests += 1;
    run.numbers.add(record.request);
    if (record.outcome === "ok" && record.modelDigest !== null) run.digests.add(record.modelDigest);
    run.reducer.add(record);
    return null;
  }

  #endRun(end: RunEnd): string | null {
    const name = nameOf(end);
    if (!this.#planned.has(name)) return `run ${name} is not in the plan`;
    if (this.#ended.has(name)) return `run ${name} ended twice`;
    const run = this.#open.get(name);
    if (run?.start == null) return `run ${name} ended, but did not begin`;
    const { plan } = this.#expected;
    const settings = settingsOf(plan, end);
    const planned = tasksOf(plan, settings, end.block).measured.length;
    if (run.numbers.size !== run.requests) return `run ${name} has a request twice`;
    if (run.requests !== planned) return `run ${name} ended with ${run.requests} of ${planned} requests`;
    const locked = plan.models[settings.variant.model]?.digest;
    const other = [...run.digests].find((digest) => digest !== locked);
    if (other !== undefined) return `run ${name} was answered by another model, ${other}`;
    const { variant, scenario, at: to } = end;
    const from = Math.min(run.from, to);
    this.#ended.set(name, run.reducer.end({ variant, scenario, from, to, start: run.start, end }));
    this.#open.delete(name);
    return null;
  }
}

const sorted = (names: Iterable<string>) => [...names].sort().join(" ");
const nameOf = ({ variant, scenario }: RunStart | RequestRecord | RunEnd) => `${variant}/${scenario}`;
