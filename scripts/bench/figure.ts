/** One measured figure, as `npm run bench` prints it: a line of JSON. What could not be measured is null, never 0. */
export interface Figure {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  /** What `value` is compared with, in the same unit, measured by the same run. */
  readonly baseline: number | null;
  /** `value` over `baseline`, or better: the median of the ratios of neighbouring repetitions. */
  readonly ratio: number | null;
  /** What else belongs to it: noise, repetitions, the limit that it is held against. */
  readonly [detail: string]: unknown;
}

/** Measures one area and reports each figure as soon as it is known. */
export type Bench = (run: {
  readonly report: (figure: Figure) => void;
  readonly signal: AbortSignal;
  /** Has something done at the end, however it comes about: an interruption does not wait for what goes on. */
  readonly defer: (cleanUp: () => unknown) => void;
}) => Promise<void>;
