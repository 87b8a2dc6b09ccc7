import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../../stacks/user-error.ts";
import type { ProbeSample } from "../../../workloads/probe/sample.ts";
import { readBlocks } from "./read-blocks.ts";
import type { BlockDigest } from "./run-digest.ts";
import { parseSamples } from "./node-samples.ts";
import { isJournal, manifestName, parseMeasurementName, rawPath, samplesPath, type ResultsLayout } from "./layout.ts";
import { manifestSchema, type Manifest } from "./manifest.ts";
import { checkDigests, verifySeal } from "./seal.ts";

/** A sealed run, read back: every byte was checked against its seal. */
export interface SealedRun {
  /** The name of its directory: the run-id, or <run-id>-2, -3, ... With the stack's it tells sealed runs apart. */
  readonly measurement: string;
  readonly manifest: Manifest;
  /** By block number; a missing block is not in it. */
  readonly blocks: ReadonlyMap<number, BlockDigest>;
  /** SHA-256 of each block's journal as it lies there. */
  readonly digests: ReadonlyMap<number, string>;
  /** What the serving nodes' probes sampled, by node; a node of which nothing was had is not in it. */
  readonly samples: ReadonlyMap<string, readonly ProbeSample[]>;
}

/**
 * Reads a stack's sealed run: the one that was measured last.
 * @param wanted a measurement's name, or the number of the series to which the newest one is to belong
 * @throws UserError when there is none, or when one of its files was changed
 */
export async function openSealedRun(
  layout: ResultsLayout,
  stack: string,
  wanted?: string | number,
): Promise<SealedRun> {
  const measurement = typeof wanted === "string" ? wanted : await newestRun(layout, stack, wanted);
  const directory = layout.sealed(stack, measurement);
  const name = `results/${stack}/${measurement}`;
  if (!existsSync(directory)) throw noRun(stack, `run ${measurement} is not there`);
  const sealedDigests = await verifySeal(directory, name, isJournal);
  const manifest = await readManifest(directory, name);
  const { runId, plan } = manifest;
  const present = manifest.blocks.flatMap(({ block, state }) => (state === "missing" ? [] : [block]));
  // Each journal is read once: its digest is of the same bytes that were parsed.
  const read = await readBlocks(
    present.map((block) => ({ file: join(directory, rawPath(block)), expected: { runId, plan, block } })),
  );
  const byBlock = new Map(present.flatMap((block, place) => (read[place] ? [[block, read[place]] as const] : [])));
  const digests = new Map([...byBlock].map(([block, { sha256 }]) => [block, sha256]));
  checkDigests(sealedDigests, new Map([...digests].map(([block, sha256]) => [rawPath(block), sha256])), name);
  const blocks = new Map([...byBlock].map(([block, { digest }]) => [block, digest]));
  const samples = new Map<string, readonly ProbeSample[]>();
  for (const { node, sha256 } of manifest.samples)
    if (sha256 !== null) samples.set(node, parseSamples(await readFile(join(directory, samplesPath(node)), "utf8")));
  return { measurement, manifest, blocks, digests, samples };
}

async function newestRun(layout: ResultsLayout, stack: string, series: number | undefined): Promise<string> {
  const directory = layout.stack(stack);
  const names = existsSync(directory) ? (await readdir(directory)).filter((name) => parseMeasurementName(name)) : [];
  let newest: { name: string; time: string } | null = null;
  for (const name of names.sort()) {
    const manifest = await readManifest(join(directory, name), `results/${stack}/${name}`);
    if (series !== undefined && manifest.plan.series !== series) continue;
    const time = manifest.measured?.to ?? manifest.collectedAt;
    if (newest === null || time > newest.time) newest = { name, time };
  }
  if (newest === null)
    throw noRun(stack, `there is no sealed run${series === undefined ? "" : ` of series ${series}`}`);
  return newest.name;
}

/** The manifest of a sealed run, whose seal this does not check. @throws UserError when it can't be read */
export async function readManifest(directory: string, name: string): Promise<Manifest> {
  const file = join(directory, manifestName);
  const text = existsSync(file) ? await readFile(file, "utf8") : "";
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new UserError(
      {
        what: `${manifestName} can't be read: it is missing, was changed, or is another version's`,
        where: name,
        next: "restore it from a copy, or move the run's directory away and collect it again",
      },
      { cause: error },
    );
  }
}

function noRun(stack: string, what: string): UserError {
  return new UserError({ what, where: `results/${stack}`, next: `measure and collect it: npm run up -- ${stack}` });
}
