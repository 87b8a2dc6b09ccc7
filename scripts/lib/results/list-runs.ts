import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { formatSize } from "../../../stacks/remote/format-size.ts";
import { alignRows } from "./format.ts";
import { parseMeasurementName, type ResultsLayout } from "./layout.ts";
import { blockStates, type BlockState } from "./manifest.ts";
import { readManifest } from "./sealed-run.ts";

/** A run as `npm run results -- list` tells of it. What is not known of one that is not sealed yet is null. */
export interface ListedRun {
  readonly stack: string;
  readonly run: string;
  readonly sealed: boolean;
  readonly series: number | null;
  /** ISO 8601, from the first request to the end of the last run. */
  readonly measured: { readonly from: string; readonly to: string } | null;
  /** Planned, and how many are in each state. */
  readonly blocks: (Readonly<Record<BlockState, number>> & { readonly planned: number }) | null;
  readonly variants: readonly string[];
  readonly bytes: number;
}

/** Names of sealed runs by stack, both sorted. */
export async function sealedRuns(layout: ResultsLayout): Promise<{ stack: string; run: string }[]> {
  return (await directories(layout)).filter(({ partial }) => !partial).map(({ stack, run }) => ({ stack, run }));
}

/** Every run that lies here, sealed or not. */
export async function listRuns(layout: ResultsLayout): Promise<ListedRun[]> {
  return await Promise.all(
    (await directories(layout)).map(async ({ stack, run, partial }) => {
      const directory = partial ? layout.partial(stack, run) : layout.sealed(stack, run);
      const bytes = await sizeOf(directory);
      if (partial)
        return { stack, run, sealed: false, series: null, measured: null, blocks: null, variants: [], bytes };
      const { plan, measured, blocks } = await readManifest(directory, `results/${stack}/${run}`);
      const counts = Object.fromEntries(
        blockStates.map((state) => [state, blocks.filter((block) => block.state === state).length]),
      ) as Record<BlockState, number>;
      return {
        ...{ stack, run, sealed: true, series: plan.series, measured, bytes },
        blocks: { planned: plan.blocks, ...counts },
        variants: Object.keys(plan.variants).sort(),
      };
    }),
  );
}

async function directories(layout: ResultsLayout): Promise<{ stack: string; run: string; partial: boolean }[]> {
  const stacks = existsSync(layout.directory) ? (await readdir(layout.directory)).sort() : [];
  const found = await Promise.all(
    stacks.map(async (stack) => {
      const names = await readdir(layout.stack(stack)).catch(() => []);
      return names.sort().flatMap((name) => {
        const run = name.replace(/\.partial$/, "");
        return parseMeasurementName(run) === null ? [] : [{ stack, run, partial: run !== name }];
      });
    }),
  );
  return found.flat();
}

async function sizeOf(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(file.parentPath, file.name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** A table for people. */
export function renderRuns(runs: readonly ListedRun[]): string {
  const rows = runs.map(({ stack, run, sealed, series, measured, blocks, variants, bytes }) => [
    stack,
    run,
    series === null ? "-" : String(series),
    measured === null ? "-" : measured.from.slice(0, 16).replace("T", " "),
    blocks === null ? "-" : `${blocks.sealed} of ${blocks.planned}`,
    variants.length === 0 ? "-" : String(variants.length),
    formatSize(bytes),
    sealed ? "sealed" : "not sealed yet",
  ]);
  const head = ["stack", "run", "series", "measured (UTC)", "blocks", "variants", "size", ""];
  return alignRows([head, ...rows], ["left", "left", "right", "left", "right", "right", "right", "left"])
    .map((line) => `${line}\n`)
    .join("");
}
