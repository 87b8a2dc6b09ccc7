import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { lock } from "proper-lockfile";
import { UserError } from "../../../stacks/user-error.ts";
import { canonicalJson } from "../../../workloads/benchmark/plan.ts";
import type { ExperimentOutputs } from "./experiment-outputs.ts";
import type { ExpectedJournal } from "./journal.ts";
import { journalName, manifestName, measurementName, rawPath, samplesPath, type ResultsLayout } from "./layout.ts";
import type { BlockState, BlockSummary, Manifest } from "./manifest.ts";
import { goesOn, hasBegun, measurementOnNode, measurementsOf, type Measurement } from "./measurements.ts";
import type { NodeAfter } from "./node-after.ts";
import type { JournalList, NodeJournals } from "./node-journals.ts";
import type { Interval } from "./node-samples.ts";
import type { ReadBlock } from "./read-block.ts";
import { readBlocks } from "./read-blocks.ts";
import type { BlockDigest } from "./run-digest.ts";
import type { Provenance } from "./provenance.ts";
import { digestOfFile, seal, writeWhole } from "./seal.ts";

/** Milliseconds before and after the runs of which samples are kept too: a rate needs a sample on either side. */
const margin = 5_000;

/** What collecting a run came to. */
export interface Collected {
  readonly stack: string;
  /** The name of its directory once sealed: the run-id, or <run-id>-2, -3, ... */
  readonly measurement: string;
  /** present: it was sealed before, nothing was done; partial: blocks are still to come, so it was not sealed. */
  readonly outcome: "sealed" | "present" | "partial";
  readonly directory: string;
  /** Empty when nothing was done. */
  readonly blocks: readonly BlockSummary[];
  /** How what the node holds differs from what lay here, where that is worth telling. */
  readonly note: string | null;
}

export interface CollectOptions {
  readonly stack: string;
  readonly outputs: ExperimentOutputs;
  readonly layout: ResultsLayout;
  /** Opens the journals on the runner's node. */
  readonly journals: () => Promise<NodeJournals>;
  /** What a serving node's probe sampled in a span, as NDJSON. */
  readonly samples: (node: string, span: Interval) => Promise<string>;
  /** How a node of the plan is now. */
  readonly nodeAfter: (node: string) => Promise<NodeAfter>;
  readonly provenance: () => Promise<Provenance>;
  /** The run will not go on: seal it even where blocks are partial, missing or invalid. */
  readonly final: boolean;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly report?: (line: string) => void;
}

/**
 * Copies what a run left on its runner's node, and seals it once all of it is there. It may be stopped at any point and
 * run again: blocks that were copied are kept, and what is sealed is never touched. What another measurement of the run
 * left on the node (the site was built anew) is collected beside the older ones.
 * @throws UserError when the node can't be reached and not all is sealed, when another process collects the same run, or
 * when this machine's disk is full
 */
export async function collectRun(options: CollectOptions): Promise<Collected> {
  const { stack, outputs, layout } = options;
  try {
    await mkdir(layout.stack(stack), { recursive: true });
    const release = await lockRun(options);
    try {
      return await collectFromNode(options);
    } finally {
      await release();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    throw new UserError(
      {
        what: `there is no room to seal run ${outputs.runId}`,
        where: layout.stack(stack),
        next: "make room on this machine's disk, then collect again: what was copied is kept",
      },
      { cause: error },
    );
  }
}

/** One lock for all measurements of a run: which of them the node holds is found out while it is held. */
async function lockRun({ stack, outputs, layout }: CollectOptions): Promise<() => Promise<void>> {
  try {
    return await lock(layout.stack(stack), { lockfilePath: `${layout.partial(stack, outputs.runId)}.lock` });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ELOCKED") throw error;
    throw new UserError({
      what: `run ${outputs.runId} is being collected by another process`,
      where: `stack ${stack}`,
      next: "wait for it to end, then collect again",
    });
  }
}

async function collectFromNode(options: CollectOptions): Promise<Collected> {
  const { stack, outputs, layout } = options;
  const known = await measurementsOf(layout, stack, outputs.runId);
  const newest = known.at(-1);
  const present = ({ name }: Measurement, note: string | null): Collected => ({
    stack,
    measurement: name,
    outcome: "present",
    directory: layout.sealed(stack, name),
    blocks: [],
    note,
  });
  // A sealed run is asked for too, at the cost of one SSH connection: nothing here tells that the site was built anew and
  // measured the same plan, and so the same run-id, once more.
  let node: NodeJournals;
  let onNode: JournalList;
  try {
    node = await options.journals();
    onNode = await node.list();
  } catch (error) {
    if (!(error instanceof UserError) || newest?.sealed !== true) throw error;
    return present(newest, `whether it was measured anew since is not known: ${error.message.split("\n")[0] ?? ""}`);
  }
  const same = measurementOnNode(known, onNode);
  if (same?.sealed === true) {
    if (!hasBegun(onNode)) return present(same, "the node holds no journals of it now");
    return present(
      same,
      goesOn(same, onNode)
        ? "it went on after it was sealed as final, and stays as sealed; to measure it whole, raise the experiment's series"
        : null,
    );
  }
  const measurement = same?.name ?? measurementName({ runId: outputs.runId, number: (newest?.number ?? 0) + 1 });
  const note =
    same === null && known.length > 0
      ? `the plan was measured anew; earlier: ${known.map(({ name }) => name).join(", ")}`
      : null;
  return { ...(await copyAndSeal(options, measurement, node, onNode)), note };
}

async function copyAndSeal(
  options: CollectOptions,
  measurement: string,
  node: NodeJournals,
  onNode: JournalList,
): Promise<Omit<Collected, "note">> {
  const { stack, outputs, layout, signal, report } = options;
  const { runId, plan } = outputs;
  const directory = layout.partial(stack, measurement);
  await openPartial(directory);

  const files = Array.from({ length: plan.blocks }, (_, block) => join(directory, rawPath(block)));
  for (const [block, file] of files.entries()) {
    signal.throwIfAborted();
    const held = onNode.get(block);
    if (held === undefined || (existsSync(file) && (await digestOfFile(file)) === held.sha256)) continue;
    report?.(`${stack}: copying ${journalName(block)}`);
    await node.copy(block, file);
  }
  const blocks = await readAll(files, { runId, plan });
  const summaries = blocks.map(({ summary }) => summary);
  if (!options.final && summaries.some(({ state }) => state !== "sealed"))
    return { stack, measurement, outcome: "partial", directory, blocks: summaries };

  // Sealed, a measurement is never collected again: not even when its journals turn up.
  if (summaries.every(({ state }) => state === "missing"))
    throw new UserError({
      what: `node ${plan.nodes.runner} holds nothing of run ${runId}, so there is nothing to seal`,
      where: `stack ${stack}`,
      next: `find out why its Job wrote nothing: npm run up -- ${stack} shows what its pod said`,
    });

  const runs = blocks.flatMap(({ digest }) => digest?.runs ?? []);
  const samples = await collectSamples(options, directory, runs);
  const manifest: Manifest = {
    schema: 3,
    stack,
    runId,
    plan,
    planDigest: createHash("sha256").update(canonicalJson(plan)).digest("hex"),
    site: outputs.site,
    namespace: outputs.namespace,
    jobName: outputs.jobName,
    modelBytes: outputs.modelBytes,
    versions: {
      ...outputs.versions,
      ollama: [...new Set(blocks.flatMap(({ digest }) => digest?.ollamaVersions ?? []))].sort(),
    },
    nodes: outputs.facts,
    nodesAfter: Object.fromEntries(
      await Promise.all(nodesOf(plan).map(async (node) => [node, await options.nodeAfter(node)] as const)),
    ),
    ...(await options.provenance()),
    measured: span(runs),
    samples,
    collectedAt: options.now().toISOString(),
    blocks: summaries,
  };
  await writeWhole(join(directory, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
  const final = layout.sealed(stack, measurement);
  await seal(directory, final);
  return { stack, measurement, outcome: "sealed", directory: final, blocks: summaries };
}

/**
 * Copies what the serving nodes' probes sampled while the runs went on. Samples describe a measurement and are not part of it: where
 * they can't be had, the manifest says why, and the run is sealed all the same.
 */
async function collectSamples(
  { outputs: { plan }, samples }: CollectOptions,
  directory: string,
  runs: BlockDigest["runs"],
): Promise<Manifest["samples"]> {
  const nothing = (node: string, problem: string) => ({ node, lines: 0, sha256: null, problem });
  if (runs.length === 0) return plan.nodes.models.map((node) => nothing(node, "no run ended"));
  const whole = {
    from: Math.min(...runs.map(({ start }) => start.at)) - margin,
    to: Math.max(...runs.map(({ to }) => to)) + margin,
  };
  const collected: Manifest["samples"] = [];
  for (const node of plan.nodes.models) {
    try {
      const text = await samples(node, whole);
      if (text === "") {
        collected.push(nothing(node, "the node has no probe, or keeps its samples no longer"));
        continue;
      }
      const file = join(directory, samplesPath(node));
      await writeWhole(file, text);
      collected.push({ node, lines: text.split("\n").length - 1, sha256: await digestOfFile(file), problem: null });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      collected.push(nothing(node, error.message.split("\n")[0] ?? ""));
    }
  }
  return collected;
}

/** Makes the directory ready for more blocks, whatever a collector that was killed left in it. */
async function openPartial(directory: string): Promise<void> {
  const raw = join(directory, "raw");
  for (const folder of [directory, raw]) {
    await mkdir(folder, { recursive: true });
    await chmod(folder, 0o755);
  }
  for (const folder of [directory, raw])
    for (const name of await readdir(folder))
      if (name.endsWith(".tmp") || name === manifestName) await rm(join(folder, name), { force: true });
}

interface CollectedBlock {
  readonly summary: BlockSummary;
  /** Null where the node has no journal of it. */
  readonly digest: BlockDigest | null;
}

/** What each block's journal holds, large ones read on several threads. */
async function readAll(files: readonly string[], run: Omit<ExpectedJournal, "block">): Promise<CollectedBlock[]> {
  const present = [...files.entries()].filter(([, file]) => existsSync(file));
  const read = await readBlocks(present.map(([block, file]) => ({ file, expected: { ...run, block } })));
  const byBlock = new Map(present.map(([block], place) => [block, read[place]]));
  return files.map((_, block) => summarize(block, byBlock.get(block)));
}

function summarize(block: number, read: ReadBlock | undefined): CollectedBlock {
  if (read === undefined) {
    const nothing = { sha256: null, order: null, records: 0, attempts: 0, tornLines: 0 };
    return { summary: { block, state: "missing", problem: "the node has no journal of it", ...nothing }, digest: null };
  }
  const { sha256, digest } = read;
  const { problem, records, attempts, tornLines } = digest;
  const state: BlockState = digest.state === "complete" ? "sealed" : digest.state;
  const order = digest.order && [...digest.order];
  return { summary: { block, state, problem, sha256, order, records, attempts, tornLines }, digest };
}

function span(runs: BlockDigest["runs"]): Manifest["measured"] {
  if (runs.length === 0) return null;
  return {
    from: new Date(Math.min(...runs.map(({ from }) => from))).toISOString(),
    to: new Date(Math.max(...runs.map(({ to }) => to))).toISOString(),
  };
}

/** Every node that takes part: those that serve and the runner's. */
function nodesOf({ nodes }: Manifest["plan"]): string[] {
  return [...new Set([...nodes.models, nodes.runner])];
}
