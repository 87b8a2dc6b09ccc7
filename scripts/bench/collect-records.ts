import { createWriteStream } from "node:fs";
import { cp, mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "zx";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { run } from "../../stacks/remote/connection.ts";
import type { Endpoint } from "../../stacks/remote/endpoint.ts";
import { endpointOf } from "../../stacks/remote/site-endpoint.ts";
import { rootOf } from "../../twin/node.ts";
import { nodeNames } from "../../twin/stack-files.ts";
import { TrialSite } from "../faults/trial-site.ts";
import { stackConfiguration } from "../lib/pulumi.ts";
import { journalName } from "../lib/results/layout.ts";
import { nodeJournals } from "../lib/results/node-journals.ts";
import { readBlocks } from "../lib/results/read-blocks.ts";
import { runIdOf, type Plan } from "../../workloads/benchmark/plan.ts";
import { Steps } from "../lib/steps.ts";
import type { Bench } from "./figure.ts";
import { comparePairs, rounded, timed } from "./paired.ts";
import { plannedResults, runsOfStack, writeJournal } from "./synthetic-results.ts";

const million = 1e6;
const stacks = 2;
const repetitions = 6;

/**
 * `collect-1m`: copying the journals of two stacks, whose 200 runs have a million requests, from a node of the twin as collecting does
 * (compared with the node's digests, synced), against sending the same files over the same SSH connection and syncing them. A rate
 * over a rate: more is better. Reading and checking what came is told beside. Needs 2 GB of disk and root.
 */
export const collectRecords: Bench = async ({ report, signal, defer }) => {
  const folder = await mkdtemp(join(tmpdir(), "bramble-bench-collect-"));
  defer(() => rm(folder, { recursive: true, force: true }));
  const trial = new TrialSite({ stack: "trial-bench", nodes: nodeNames(1), steps: new Steps(process.stderr) });
  defer(() => trial.close());
  try {
    await trial.close();
    await trial.open();
    await trial.powerOn();
    const [node = ""] = trial.nodes;
    const { rootSecret } = await stackConfiguration(trial.stack);
    const site = trial.config();
    const endpoint = endpointOf(site, node, deriveSiteKeys(String(rootSecret), site));
    const plans = Array.from({ length: stacks }, (_, index) =>
      plannedResults(million / stacks / runsOfStack, index + 1),
    );
    const bytes = await writeToNode(plans, folder, await rootOf(trial.twin, node));
    const pairs: { value: number; baseline: number }[] = [];
    const checks: number[] = [];
    for (let round = 0; round < repetitions && !signal.aborted; round += 1) {
      console.error(`results: collecting, repetition ${round + 1} of ${repetitions}`);
      const byBramble = async () => {
        const seconds = await freshly(folder, (to) => collectAll(endpoint, plans, to));
        checks.push(rounded(await timed(() => readAll(plans, join(folder, "copies")))));
        return seconds;
      };
      // Which of both comes first takes turns.
      const first = round % 2 === 0 ? await byBramble() : undefined;
      const plain = await freshly(folder, (to) => copyAll(endpoint, plans, to));
      const seconds = first ?? (await byBramble());
      pairs.push({ value: bytes / 1e6 / seconds, baseline: bytes / 1e6 / plain });
    }
    report({
      ...{ name: "collect-1m", unit: "MB/s", limit: "at least 0.8", megabytes: Math.round(bytes / 1e6) },
      ...comparePairs(pairs),
      against: "cat of the same files over the same connection, synced",
      runs: pairs,
      secondsToCheckWhatCame: checks,
    });
  } finally {
    await trial.close();
    await rm(folder, { recursive: true, force: true });
  }
};

const onNode = (plan: Plan) => `/var/lib/bramble/bench/${runIdOf(plan)}`;
const blocksOf = ({ blocks }: Plan) => Array.from({ length: blocks }, (_, block) => block);

/** @returns bytes of all journals */
async function writeToNode(plans: readonly Plan[], folder: string, root: string): Promise<number> {
  let bytes = 0;
  for (const plan of plans) {
    const directory = join(root, onNode(plan));
    await mkdir(directory, { recursive: true });
    for (const block of blocksOf(plan)) {
      const file = join(folder, journalName(block));
      await writeJournal(file, plan, block);
      await cp(file, join(directory, journalName(block)));
      const handle = await open(file);
      bytes += (await handle.stat()).size;
      await handle.close();
      await rm(file);
    }
  }
  return bytes;
}

/** Seconds that something takes which writes to an empty directory, until all of it is on the disk. */
async function freshly(folder: string, work: (to: string) => Promise<unknown>): Promise<number> {
  const to = join(folder, "copies");
  await rm(to, { recursive: true, force: true });
  await mkdir(to);
  return await timed(() => work(to));
}

async function collectAll(endpoint: Endpoint, plans: readonly Plan[], to: string): Promise<void> {
  for (const plan of plans) {
    const journals = nodeJournals(endpoint.node, (argv, options) => run(endpoint, argv, options), onNode(plan));
    await journals.list();
    await mkdir(join(to, runIdOf(plan)));
    for (const block of blocksOf(plan)) await journals.copy(block, join(to, runIdOf(plan), journalName(block)));
  }
}

async function readAll(plans: readonly Plan[], to: string): Promise<void> {
  for (const plan of plans)
    await readBlocks(
      blocksOf(plan).map((block) => ({
        file: join(to, runIdOf(plan), journalName(block)),
        expected: { runId: runIdOf(plan), plan, block },
      })),
    );
}

async function copyAll(endpoint: Endpoint, plans: readonly Plan[], to: string): Promise<void> {
  for (const plan of plans)
    for (const block of blocksOf(plan)) {
      const file = join(to, `${runIdOf(plan)}-${block}`);
      const stdout = createWriteStream(file);
      const { code, stderr } = await run(endpoint, ["sudo", "-n", "cat", `${onNode(plan)}/${journalName(block)}`], {
        stdout,
      });
      stdout.end();
      if (code !== 0) throw new Error(stderr);
      await $({ quiet: true })`sync ${file}`;
    }
}
