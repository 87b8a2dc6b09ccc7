import { join } from "node:path";
import { root } from "../../../stacks/root.ts";

/**
 * Where results lie: results/<stack>/<measurement>/ once sealed, <measurement>.partial/ while blocks are still coming in;
 * in each, raw/block-<n>.ndjson. A measurement's name is its run-id, and <run-id>-2, -3, ... where a site that was built
 * anew measured the same plan again.
 */
export interface ResultsLayout {
  readonly directory: string;
  stack(stack: string): string;
  sealed(stack: string, measurement: string): string;
  partial(stack: string, measurement: string): string;
}

export function resultsLayout(directory: string = join(root, "results")): ResultsLayout {
  return {
    directory,
    stack: (stack) => join(directory, stack),
    sealed: (stack, measurement) => join(directory, stack, measurement),
    partial: (stack, measurement) => join(directory, stack, `${measurement}.partial`),
  };
}

export interface MeasurementName {
  readonly runId: string;
  /** Counts a run's measurements from 1. */
  readonly number: number;
}

export function measurementName({ runId, number }: MeasurementName): string {
  return number === 1 ? runId : `${runId}-${number}`;
}

/** @returns null for what is not a measurement's name */
export function parseMeasurementName(name: string): MeasurementName | null {
  const [, runId, number = "1"] = /^([0-9a-f]{12})(?:-([2-9]|[1-9][0-9]+))?$/.exec(name) ?? [];
  return runId === undefined ? null : { runId, number: Number(number) };
}

/** A block's journal, on the node and in raw/. */
export const journalName = (block: number) => `block-${block}.ndjson`;

/** The block of a journal's file name. */
export const blockOf = (name: string) => Number(/\d+/.exec(name)?.[0]);

/** A journal from the directory of its measurement. */
export const rawPath = (block: number) => `raw/${journalName(block)}`;

export const isJournal = (path: string) => /^raw\/block-\d+\.ndjson$/.test(path);

/** What a serving node's probe sampled, from the same directory. */
export const samplesPath = (node: string) => `raw/probe-${node}.ndjson`;

export const manifestName = "manifest.json";
