import { join } from "node:path";
import { root } from "../../../stacks/root.ts";

/**
 * Where results lie: results/<stack>/<run-id>/ once sealed, <run-id>.partial/ while blocks are still coming in; in
 * each, raw/block-<n>.ndjson.
 */
export interface ResultsLayout {
  readonly directory: string;
  stack(stack: string): string;
  sealed(stack: string, runId: string): string;
  partial(stack: string, runId: string): string;
}

export function resultsLayout(directory: string = join(root, "results")): ResultsLayout {
  return {
    directory,
    stack: (stack) => join(directory, stack),
    sealed: (stack, runId) => join(directory, stack, runId),
    partial: (stack, runId) => join(directory, stack, `${runId}.partial`),
  };
}

/** A block's journal, on the node and in raw/. */
export const journalName = (block: number) => `block-${block}.ndjson`;

/** The same from the directory of a run. */
export const rawPath = (block: number) => `raw/${journalName(block)}`;

export const manifestName = "manifest.json";
