import type { Comparison, Samples } from "./comparison.ts";
import type { NodeTime } from "./node-times.ts";

/** What a report's plots show beyond the comparison itself. */
export interface PlotData {
  /** Figures of single requests, by side. */
  readonly samples: readonly Samples[];
  /** Serving nodes in time. */
  readonly nodes: readonly NodeTime[];
}

/** The scenarios that any pair has, in their order. */
export function scenariosOf({ pairs }: Pick<Comparison, "pairs">): string[] {
  return [...new Set(pairs.flatMap(({ scenarios }) => scenarios.map(({ scenario }) => scenario)))];
}

/** The id of the table with a scenario's figures block by block. */
export function blocksId(comparison: Pick<Comparison, "pairs">, scenario: string): string {
  return `blocks-${scenariosOf(comparison).indexOf(scenario)}`;
}
