import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { lock } from "proper-lockfile";
import { UserError } from "../../../stacks/user-error.ts";
import { canonicalJson } from "../../../workloads/benchmark/plan.ts";
import type { ExperimentOutputs } from "./experiment-outputs.ts";
import { parseJournal, type BlockJournal } from "./journal.ts";
import { journalName, manifestName, rawPath, type ResultsLayout } from "./layout.ts";
import type { BlockState, BlockSummary, Manifest } from "./manifest.ts";
import type { NodeJournals } from "./node-journals.ts";
import type { Provenance } from "./provenance.ts";
import { digestOfFile, seal, writeWhole } from "./seal.ts";

/** What collecting a run came to. */
export interface Collected {
  readonly stack: string;
  readonly runId: string;
  /** present: it was sealed before, nothing was done; partial: blocks are still to come, so it was not sealed. */
  readonly outcome: "sealed" | "present" | "partial";
  readonly directory: string;
  /** Empty when nothing was done. */
  readonly blocks: readonly BlockSummary[];
}

export interface CollectOptions {
  readonly stack: string;
  readonly outputs: ExperimentOutputs;
  readonly layout: ResultsLayout;
  /** Opens the journals on the runner's node; not called when there is nothing to do. */
  readonly journals: () => Promise<NodeJournals>;
  readonly provenance: () => Promise<Provenance>;
  /** The run will not go on: seal it even where blocks are partial, missing or invalid. */
  readonly final: boolean;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly report?: (line: string) => void;
}

/**
 * Copies what a run left on its runner's node, and seals it once all of it is there. It may be stopped at any point and
 * run again: blocks that were copied are kept, and what is sealed is never touched.
 * @throws UserError when the node can't be reached, or when another process collects the same run
 */
export async function collectRun(options: CollectOptions): Promise<Collected> {
  const { stack, outputs, layout } = options;
  const final = layout.sealed(stack, outputs.runId);
  const present: Collected = { stack, runId: outputs.runId, outcome: "present", directory: final, blocks: [] };
  if (existsSync(final)) return present;
  await mkdir(layout.stack(stack), { recursive: true });
  const release = await lockRun(options);
  try {
    return existsSync(final) ? present : await copyAndSeal(options);
  } finally {
    await release();
  }
}

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

async function copyAndSeal(options: CollectOptions): Promise<Collected> {
  const { stack, outputs, layout, signal, report } = options;
  const { runId, plan } = outputs;
  const directory = layout.partial(stack, runId);
  await openPartial(directory);
  const journals = await options.journals();
  const onNode = await journals.list();

  const blocks: { summary: BlockSummary; journal: BlockJournal | null }[] = [];
  for (let block = 0; block < plan.blocks; block += 1) {
    signal.throwIfAborted();
    const file = join(directory, rawPath(block));
    if (onNode.has(block) && !(existsSync(file) && (await digestOfFile(file)) === onNode.get(block))) {
      report?.(`${stack}: copying ${journalName(block)}`);
      await writeWhole(file, (await journals.fetch(block)).content);
    }
    blocks.push(await summarize(file, { runId, plan, block }));
  }
  const summaries = blocks.map(({ summary }) => summary);
  if (!options.final && summaries.some(({ state }) => state !== "sealed"))
    return { stack, runId, outcome: "partial", directory, blocks: summaries };

  // Sealed, a run is never collected again: not even when its journals turn up.
  if (summaries.every(({ state }) => state === "missing"))
    throw new UserError({
      what: `node ${plan.nodes.runner} holds nothing of run ${runId}, so there is nothing to seal`,
      where: `stack ${stack}`,
      next: `find out why its Job wrote nothing: npm run up -- ${stack} shows what its pod said`,
    });

  const manifest: Manifest = {
    schema: 1,
    stack,
    runId,
    plan,
    planDigest: createHash("sha256").update(canonicalJson(plan)).digest("hex"),
    site: outputs.site,
    namespace: outputs.namespace,
    jobName: outputs.jobName,
    versions: {
      ...outputs.versions,
      ollama: [...new Set(blocks.flatMap(({ journal }) => journal?.ollamaVersions ?? []))].sort(),
    },
    nodes: outputs.facts,
    ...(await options.provenance()),
    measured: span(blocks.flatMap(({ journal }) => journal?.runs ?? [])),
    collectedAt: options.now().toISOString(),
    blocks: summaries,
  };
  await writeWhole(join(directory, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
  const final = layout.sealed(stack, runId);
  await seal(directory, final);
  return { stack, runId, outcome: "sealed", directory: final, blocks: summaries };
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

async function summarize(
  file: string,
  expected: Parameters<typeof parseJournal>[1],
): Promise<{ summary: BlockSummary; journal: BlockJournal | null }> {
  const { block } = expected;
  if (!existsSync(file)) {
    const problem = "the node has no journal of it";
    const summary = { block, state: "missing" as const, problem, sha256: null, records: 0, attempts: 0, tornLines: 0 };
    return { summary, journal: null };
  }
  const content = await readFile(file);
  const journal = parseJournal(content.toString("utf8"), expected);
  const { problem, records, attempts, tornLines } = journal;
  const state: BlockState = journal.state === "complete" ? "sealed" : journal.state;
  const sha256 = createHash("sha256").update(content).digest("hex");
  return { summary: { block, state, problem, sha256, records, attempts, tornLines }, journal };
}

function span(runs: BlockJournal["runs"]): Manifest["measured"] {
  if (runs.length === 0) return null;
  return {
    from: new Date(Math.min(...runs.map(({ from }) => from))).toISOString(),
    to: new Date(Math.max(...runs.map(({ to }) => to))).toISOString(),
  };
}
