import type { PrimaryMetric } from "../../../workloads/benchmark/plan.ts";
import type { FailureLabel, RequestRecord } from "../../../workloads/benchmark/record.ts";

export type MetricName = PrimaryMetric | "ollama-eval-rate";

export interface Metric {
  readonly label: string;
  readonly unit: "tokens/s" | "ms" | "s";
  /** How B is said to be when its figure is larger than A's, and when it is smaller. */
  readonly larger: string;
  readonly smaller: string;
  /** A request's figure in the metric's unit; null where it can't be known. */
  readonly of: (request: RequestRecord) => number | null;
}

const rates = { unit: "tokens/s", larger: "faster", smaller: "slower" } as const;
const times = { larger: "longer", smaller: "shorter" } as const;

export const metrics: Readonly<Record<MetricName, Metric>> = {
  "decode-rate": { label: "decode rate", ...rates, of: decodeRate },
  "ollama-eval-rate": { label: "Ollama's rate", ...rates, of: ollamaEvalRate },
  "time-to-first-token": {
    label: "time to first token",
    unit: "ms",
    ...times,
    of: (request) => sinceDue(request, request.timeToFirstToken),
  },
  "end-to-end": {
    label: "end to end",
    unit: "s",
    ...times,
    of: (request) => {
      const whole = sinceDue(request, request.endToEnd);
      return whole === null ? null : whole / 1000;
    },
  },
};

export const metricNames = Object.keys(metrics) as MetricName[];

/**
 * A time from sending, counted from when an open loop's request was due: what it waited for the client is part of what a user
 * would have waited (coordinated omission). Both ends are of the runner's clock, which knows milliseconds.
 */
function sinceDue({ at, scheduled }: RequestRecord, time: number | null): number | null {
  return time === null ? null : time + (scheduled === null ? 0 : Math.max(0, at - scheduled));
}

/** Tokens per second after the first one, between the first and the last arrival at the client. */
function decodeRate({ tokensOut, gaps }: RequestRecord): number | null {
  const span = gaps.reduce((sum, gap) => sum + gap, 0);
  return tokensOut === null || tokensOut < 2 || span === 0 ? null : ((tokensOut - 1) / span) * 1000;
}

/** Tokens per second by Ollama's count and clock. */
function ollamaEvalRate({ tokensOut, ollama }: RequestRecord): number | null {
  return tokensOut === null || ollama.eval === null || ollama.eval === 0 ? null : (tokensOut / ollama.eval) * 1e9;
}

export interface Outcomes {
  readonly requests: number;
  readonly failures: Readonly<Partial<Record<FailureLabel, number>>>;
}

/** Of several runs together. */
export function addOutcomes(outcomes: readonly Outcomes[]): Outcomes {
  const failures: Partial<Record<FailureLabel, number>> = {};
  for (const one of outcomes)
    for (const [label, count] of Object.entries(one.failures) as [FailureLabel, number][])
      failures[label] = (failures[label] ?? 0) + count;
  return { requests: outcomes.reduce((sum, { requests }) => sum + requests, 0), failures };
}
