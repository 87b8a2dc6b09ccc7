import { medianSorted, quantile } from "simple-statistics";
import type { FailureLabel, RequestRecord } from "../../../workloads/benchmark/record.ts";
import type { BlockJournal, RunJournal, RunReducer } from "./journal.ts";
import { metricNames, metrics, type MetricName, type Outcomes } from "./metrics.ts";

/** What a user waits for, from when the request was due: the first token, each further one, the whole answer. */
export const latencyNames = ["time-to-first-token", "inter-token", "end-to-end"] as const;
export type LatencyName = (typeof latencyNames)[number];

/** Of all successful requests of a run: in ms, end to end in s. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** An answer to a suite's item, which is scored later. */
export type Answer = Pick<RequestRecord, "prompt" | "outcome" | "answer">;

/**
 * What a run's requests come to: all that summaries, comparisons and plots use of them. Its size does not grow with the number of
 * tokens, and with the number of requests only where they are scored.
 */
export interface RunDigest extends Omit<RunJournal, "requests"> {
  readonly outcomes: Outcomes;
  /** The median over its successful requests; null where none has a figure. */
  readonly figures: Readonly<Record<MetricName, number | null>>;
  readonly quantiles: Readonly<Record<LatencyName, Quantiles | null>>;
  /** Figures of successful requests, for plots: all of them in the order of sending, or evenly spaced order statistics of many. */
  readonly samples: Readonly<Record<MetricName, readonly number[]>>;
  /** Tokens that were written. */
  readonly tokensOut: number;
  /** Tokens per second from the first request to the end; null where it took no time. */
  readonly throughput: number | null;
  /** Successful requests whose prompt's tokens Ollama did not count. */
  readonly uncounted: number;
  /** Of the models that answered. */
  readonly digests: readonly string[];
  /** Empty where the scenario asks no suite. */
  readonly answers: readonly Answer[];
}

/** A block's journal with its runs reduced to their digests. */
export type BlockDigest = BlockJournal<RunDigest>;

/** Requests of a run that plots show one by one. */
const mostSamples = 200;

/** Digests a run while its requests are read: of each it keeps its figures. */
export function digester(): RunReducer<RunDigest> {
  const [sent, gaps, answers] = [byMetric((): number[] => []), [] as number[], [] as Answer[]];
  const failures: Partial<Record<FailureLabel, number>> = {};
  const digests = new Set<string>();
  let [requests, tokensOut, uncounted] = [0, 0, 0];
  return {
    add(request) {
      const { prompt, outcome, answer, modelDigest } = request;
      requests += 1;
      tokensOut += request.tokensOut ?? 0;
      if (modelDigest !== null) digests.add(modelDigest);
      if (answer !== null) answers.push({ prompt, outcome, answer });
      if (outcome !== "ok") {
        failures[outcome] = (failures[outcome] ?? 0) + 1;
        return;
      }
      if (request.tokensIn === null) uncounted += 1;
      for (const metric of metricNames) {
        const figure = metrics[metric].of(request);
        if (figure !== null) sent[metric].push(figure);
      }
      for (const gap of request.gaps) gaps.push(gap);
    },
    end(run) {
      const sorted = byMetric((metric) => inOrder(sent[metric]));
      return {
        ...run,
        outcomes: { requests, failures },
        figures: byMetric((metric) => (sorted[metric].length === 0 ? null : medianSorted(sorted[metric]))),
        quantiles: {
          "time-to-first-token": quantilesOf(sorted["time-to-first-token"]),
          "inter-token": quantilesOf(gaps),
          "end-to-end": quantilesOf(sorted["end-to-end"]),
        },
        samples: byMetric((metric) => (sent[metric].length <= mostSamples ? sent[metric] : thinned(sorted[metric]))),
        tokensOut,
        throughput: run.to > run.from ? (tokensOut / (run.to - run.from)) * 1000 : null,
        uncounted,
        digests: [...digests],
        answers,
      };
    },
  };
}

function byMetric<Value>(of: (metric: MetricName) => Value): Record<MetricName, Value> {
  return Object.fromEntries(metricNames.map((metric) => [metric, of(metric)])) as Record<MetricName, Value>;
}

/** A typed array sorts numbers many times as fast as an array with a comparison. */
function inOrder(values: readonly number[]): number[] {
  return Array.from(Float64Array.from(values).sort());
}

/** By selection, which takes a tenth of the time of sorting. */
function quantilesOf(values: number[]): Quantiles | null {
  if (values.length === 0) return null;
  const [p50 = NaN, p95 = NaN, p99 = NaN] = quantile(values, [0.5, 0.95, 0.99]);
  return { p50, p95, p99 };
}

function thinned(sorted: readonly number[]): readonly number[] {
  const last = sorted.length - 1;
  return Array.from(
    { length: mostSamples },
    (_, index) => sorted[Math.round((index / (mostSamples - 1)) * last)] ?? NaN,
  );
}

/** Unit of a latency's quantiles. */
export const latencyUnits: Readonly<Record<LatencyName, "ms" | "s">> = {
  "time-to-first-token": "ms",
  "inter-token": "ms",
  "end-to-end": "s",
};
export const latencyLabels: Readonly<Record<LatencyName, string>> = {
  "time-to-first-token": metrics["time-to-first-token"].label,
  "inter-token": "between tokens",
  "end-to-end": metrics["end-to-end"].label,
};
