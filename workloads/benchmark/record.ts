/**
 * One line each of a block's journal, block-<n>.ndjson under /var/lib/bramble/results/<run-id>/ on the runner's node.
 * A block that was interrupted goes on with the next attempt: runs that ended are kept, records of a run that did not
 * end are superseded by the later attempt's. Missing is null, never 0. Times are milliseconds; `at` is Unix time.
 */
export type JournalRecord = BlockStart | RunStart | RequestRecord | RunEnd | BlockEnd;

export interface BlockStart {
  readonly type: "block-start";
  readonly schema: 2;
  readonly runId: string;
  readonly block: number;
  readonly attempt: number;
  readonly at: number;
  /** Runs of this block in their seeded order, as "<variant>/<scenario>". */
  readonly order: readonly string[];
  readonly node: string;
  readonly pod: string;
  readonly runtime: string;
  readonly ollamaVersion: string | null;
}

/** Before a run's first request, warm-up included. */
export interface RunStart {
  readonly type: "run-start";
  readonly block: number;
  readonly attempt: number;
  readonly variant: string;
  readonly scenario: string;
  readonly at: number;
  /** The runner's monotonic clock, which no correction of the time moves. */
  readonly monotonic: number;
  /** Degrees Celsius of the serving node, when there is a probe that tells; and how long it was let cool before. */
  readonly temperature: number | null;
  readonly cooledFor: number;
}

/** Why a request has no figures. */
export type FailureLabel = "timeout" | "refused" | "truncated" | "wrong-model" | "overload" | "error";

export interface RequestRecord {
  readonly type: "request";
  readonly block: number;
  readonly attempt: number;
  readonly variant: string;
  readonly scenario: string;
  /** -1, -2, ... are warm-up requests, kept apart from 0, 1, ... */
  readonly request: number;
  /** Index into the scenario's prompt set or suite. */
  readonly prompt: number;
  readonly at: number;
  /** When an open loop's request was due; null in a closed one. What it waited for the client counts as latency. */
  readonly scheduled: number | null;
  readonly outcome: "ok" | FailureLabel;
  readonly error: string | null;
  /** From sending to the first token's arrival, by the client's monotonic clock. */
  readonly timeToFirstToken: number | null;
  /** Gaps between arrivals of streamed tokens. */
  readonly gaps: readonly number[];
  readonly endToEnd: number | null;
  readonly tokensIn: number | null;
  readonly tokensOut: number | null;
  /** Ollama's own durations in nanoseconds, as it reported them. */
  readonly ollama: {
    readonly total: number | null;
    readonly load: number | null;
    readonly promptEval: number | null;
    readonly eval: number | null;
  };
  readonly doneReason: string | null;
  /** The answer's text, kept only where it is scored. */
  readonly answer: string | null;
  readonly modelDigest: string | null;
}

export interface RunEnd {
  readonly type: "run-end";
  readonly block: number;
  readonly attempt: number;
  readonly variant: string;
  readonly scenario: string;
  readonly at: number;
  readonly monotonic: number;
  /** The model's digest after the last request. */
  readonly modelDigest: string | null;
}

export interface BlockEnd {
  readonly type: "block-end";
  readonly block: number;
  readonly attempt: number;
  readonly at: number;
}
