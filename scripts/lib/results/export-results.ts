import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { stringify } from "csv-stringify";
import { requestRow, runRows, type Row } from "./export-rows.ts";
import { readRuns } from "./journal.ts";
import { rawPath, type ResultsLayout } from "./layout.ts";
import { readLines } from "./read-lines.ts";
import { openSealedRun, type SealedRun } from "./sealed-run.ts";

export interface Export {
  readonly format: "csv" | "json";
  /** What a row is. */
  readonly per: "request" | "run";
}

/**
 * Writes sealed runs as CSV (RFC 4180, by csv-stringify of the kept node-csv) or as one JSON array, a run of requests in memory at
 * a time. A file is there whole or not at all.
 * @param out a file; null: standard output
 */
export async function exportResults(
  layout: ResultsLayout,
  runs: readonly { readonly stack: string; readonly run?: string | undefined }[],
  { format, per }: Export,
  out: string | null,
): Promise<void> {
  const rows = Readable.from(rowsOf(layout, runs, per));
  const write = async (target: Writable, options: { end: boolean }) => {
    if (format === "csv")
      await pipeline(
        rows,
        stringify({ header: true, record_delimiter: "windows", cast: { boolean: String } }),
        target,
        options,
      );
    else await pipeline(rows, asJson, target, options);
  };
  if (out === null) {
    await write(process.stdout, { end: false });
    return;
  }
  const temporary = `${out}.tmp`;
  try {
    await write(createWriteStream(temporary), { end: true });
    await rename(temporary, out);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function* rowsOf(
  layout: ResultsLayout,
  runs: readonly { readonly stack: string; readonly run?: string | undefined }[],
  per: Export["per"],
): AsyncGenerator<Row> {
  for (const { stack, run } of runs) {
    const sealed = await openSealedRun(layout, stack, run);
    if (per === "run") yield* runRows(sealed);
    else yield* requestRows(layout, sealed);
  }
}

function* requestRows(layout: ResultsLayout, { measurement, manifest, blocks }: SealedRun): Generator<Row> {
  const { stack, runId, plan } = manifest;
  for (const [block, { state }] of blocks) {
    if (state === "invalid") continue;
    const lines = readLines(join(layout.sealed(stack, measurement), rawPath(block)), () => undefined);
    for (const { requests } of readRuns(lines, { runId, plan, block }))
      for (const request of requests) yield requestRow({ stack, run: measurement, plan, block }, request);
  }
}

async function* asJson(rows: AsyncIterable<Row>): AsyncGenerator<string> {
  let before = "[\n";
  for await (const row of rows) {
    yield `${before}${JSON.stringify(row)}`;
    before = ",\n";
  }
  yield before === "[\n" ? "[]\n" : "\n]\n";
}
