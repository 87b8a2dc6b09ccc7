import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { blockOf, measurementName, parseMeasurementName, type ResultsLayout } from "./layout.ts";
import { digestsOf, type JournalDigests, type JournalList } from "./node-journals.ts";

/** A measurement of a run as far as it lies here. */
export interface Measurement {
  readonly name: string;
  readonly number: number;
  readonly sealed: boolean;
  readonly journals: JournalList;
}

/** All measurements of a run that lie here, sealed or not, the oldest first. */
export async function measurementsOf(layout: ResultsLayout, stack: string, runId: string): Promise<Measurement[]> {
  const directory = layout.stack(stack);
  const measurements: Measurement[] = [];
  for (const entry of existsSync(directory) ? await readdir(directory) : []) {
    const name = parseMeasurementName(entry.replace(/\.partial$/, ""));
    if (name?.runId !== runId) continue;
    const journals = await readJournals(join(directory, entry, "raw"));
    measurements.push({
      name: measurementName(name),
      number: name.number,
      sealed: !entry.endsWith(".partial"),
      journals,
    });
  }
  return measurements.sort((one, other) => one.number - other.number);
}

/** The measurement whose journals a node holds; null when it is none of those known, so a new one. */
export function measurementOnNode(known: readonly Measurement[], onNode: JournalList): Measurement | null {
  const same = known.find(({ journals }) => shareStart(journals, onNode));
  if (same !== undefined) return same;
  const newest = known.at(-1);
  if (newest === undefined) return null;
  // Where nothing has begun, nothing speaks against it. A seal is final all the same.
  const open = !hasBegun(onNode) || (!newest.sealed && !hasBegun(newest.journals));
  return open ? newest : null;
}

/** Whether a node holds anything that the measurement has not. */
export function goesOn({ journals }: Measurement, onNode: JournalList): boolean {
  return [...onNode].some(([block, { sha256 }]) => journals.get(block)?.sha256 !== sha256);
}

export function hasBegun(journals: JournalList): boolean {
  return [...journals.values()].some(({ start }) => start !== null);
}

function shareStart(one: JournalList, other: JournalList): boolean {
  return [...one].some(([block, { start }]) => start !== null && start === other.get(block)?.start);
}

async function readJournals(directory: string): Promise<JournalList> {
  const journals = new Map<number, JournalDigests>();
  for (const file of existsSync(directory) ? await readdir(directory) : [])
    if (/^block-\d+\.ndjson$/.test(file)) journals.set(blockOf(file), digestsOf(await readFile(join(directory, file))));
  return journals;
}
