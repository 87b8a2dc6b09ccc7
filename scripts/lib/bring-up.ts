import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { V1Job } from "@kubernetes/client-node";
import { parseStackConfig, type StackConfig } from "../../stacks/config/parse.ts";
import { UserError } from "../../stacks/user-error.ts";
import { heldLease, stateOf } from "../../workloads/benchmark/lease.ts";
import { openCluster, type Cluster } from "./cluster.ts";
import { followJobs, type JobStatus } from "./follow.ts";
import { installPlugins } from "./plugins.ts";
import { clearStaleLock, pulumi, stackConfiguration, requireStack, stackOutputs } from "./pulumi.ts";
import { duration } from "./steps.ts";
import { collectStack, describeCollected, isWhole } from "./results/collect-stack.ts";
import { resultsLayout } from "./results/layout.ts";
import { openSealedRun } from "./results/sealed-run.ts";
import { renderSummary } from "./results/summary-table.ts";
import { summarize } from "./results/summary.ts";
import { parseExperimentOutputs, type ExperimentOutputs } from "./results/experiment-outputs.ts";

export interface BringUpOptions {
  /** Passed on to `pulumi up`. */
  readonly flags: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Brings stacks to what their configuration says: sites first, then experiments, which are followed to their end and
 * collected. Each step finds what is done already, so an interrupted run goes on where it stopped.
 */
export async function bringUp(stacks: readonly string[], options: BringUpOptions): Promise<void> {
  const configured = await Promise.all(stacks.map(async (stack) => ({ stack, config: await readStack(stack) })));
  for (const line of await installPlugins()) console.log(line);
  for (const { stack, config } of configured) if (config.kind === "site") await update(stack, options);
  const experiments = configured.flatMap(({ stack, config }) =>
    config.kind === "experiment" ? [{ stack, ...config.experiment }] : [],
  );
  if (experiments.length === 0) return;

  const clusters = new Map<string, Cluster>();
  for (const { site } of experiments) clusters.set(site, clusters.get(site) ?? (await openSite(site)));
  const updateAll = async () => {
    for (const { stack } of experiments) await update(stack, options);
  };
  const [only, ...others] = clusters.values();
  // While the Lease is ours no block begins, so that the blocks of all stacks interleave from the first one on.
  if (experiments.length > 1 && only !== undefined && others.length === 0)
    await heldLease(
      only.measuringLease,
      `up-${hostname()}-${randomBytes(4).toString("hex")}`,
      options.signal,
      updateAll,
    );
  else await updateAll();

  for (const { stack, state } of experiments) if (state !== "measure") await standStill(stack, state, options);
  const measured = experiments.filter(({ state }) => state === "measure");
  if (measured.length === 0) return;

  const runs = await Promise.all(
    measured.map(async ({ stack, site }) => ({
      stack,
      cluster: clusterOf(clusters, site),
      outputs: parseExperimentOutputs(stack, await stackOutputs(stack)),
    })),
  );
  const started = performance.now();
  const ends = await followJobs(
    runs.map(({ stack, cluster, outputs }) => ({ stack, status: () => jobStatus(cluster, outputs) })),
    process.stdout,
    { signal: options.signal },
  );
  console.log(
    `[${duration((performance.now() - started) / 1000)}] measured: ${runs.map(({ stack }) => stack).join(", ")}`,
  );
  const unsealed: string[] = [];
  for (const { stack } of runs) {
    const failed = ends.get(stack)?.state === "failed";
    // Of a Job that failed more may come: what of it is missing must not be sealed as final unasked.
    const collected = await collectStack(stack, { final: !failed, signal: options.signal });
    console.log(describeCollected(collected));
    if (collected.outcome !== "partial")
      process.stdout.write(
        renderSummary(summarize(await openSealedRun(resultsLayout(), stack, collected.measurement))),
      );
    if (failed && !isWhole(collected)) unsealed.push(stack);
  }
  const named = unsealed.join(" ");
  if (unsealed.length > 0)
    throw new UserError({
      what: "the benchmark's Job failed, so its results are not sealed",
      where: unsealed.length === 1 ? `stack ${named}` : `stacks ${unsealed.join(", ")}`,
      next: `mend what its pod said, then npm run up -- ${named}; or keep what there is: npm run collect -- ${named} --final`,
    });
}

/** What is to be said and done of an experiment that does not measure. */
async function standStill(stack: string, state: "paused" | "cancelled", { signal }: BringUpOptions): Promise<void> {
  if (state === "paused") {
    console.log(`${stack}: paused; npm run up -- ${stack} --resume goes on with the next run that is not done`);
    return;
  }
  console.log(describeCollected(await collectStack(stack, { final: true, signal })));
  console.log(`${stack}: cancelled; npm run up -- ${stack} --again measures it anew`);
}

async function readStack(stack: string): Promise<StackConfig> {
  await requireStack(stack);
  return parseStackConfig(stack, await stackConfiguration(stack));
}

/** Arguments of the Pulumi CLI for an update that asks nothing. */
export function updateArguments(stack: string): string[] {
  return ["up", "--stack", stack, "--yes", "--skip-preview", "--non-interactive", "--suppress-outputs"];
}

async function update(stack: string, { flags, signal }: BringUpOptions): Promise<void> {
  const cleared = await clearStaleLock(stack);
  if (cleared !== undefined) console.log(cleared);
  console.log(`${stack}: pulumi up`);
  const started = performance.now();
  await pulumi([...updateArguments(stack), ...flags], { show: true, signal });
  console.log(`[${duration((performance.now() - started) / 1000)}] ${stack}: pulumi up`);
}

async function openSite(site: string): Promise<Cluster> {
  const { kubeconfig } = await stackOutputs(site);
  if (typeof kubeconfig !== "string")
    throw new UserError({ what: "the site is not up yet", where: `stack ${site}`, next: `npm run up -- ${site}` });
  return openCluster(kubeconfig);
}

function clusterOf(clusters: ReadonlyMap<string, Cluster>, site: string): Cluster {
  const cluster = clusters.get(site);
  if (cluster === undefined) throw new Error(`no cluster was opened for ${site}`);
  return cluster;
}

async function jobStatus(cluster: Cluster, { namespace, jobName }: ExperimentOutputs): Promise<JobStatus> {
  const [job, lease] = await Promise.all([cluster.readJob(namespace, jobName), cluster.measuringLease.get()]);
  const ended = endOf(job);
  const done = indexCount(job.status?.completedIndexes);
  const failed = indexCount(job.status?.failedIndexes);
  const blocks = { total: job.spec?.completions ?? 0, done, failed };
  if (ended !== undefined) {
    const logs = ended.state === "failed" ? (await cluster.tailJob(namespace, jobName)).split("\n") : [];
    return { state: ended.state, blocks, detail: ended.detail, logs };
  }
  const holder = stateOf(lease).holder?.id;
  const measuring = holder?.startsWith(`${namespace}/`) === true;
  const state = (job.status?.ready ?? 0) === 0 ? "starting" : measuring ? "measuring" : "waiting";
  return { state, blocks, detail: state === "waiting" && holder !== undefined ? `${holder} measures` : "", logs: [] };
}

function endOf(job: V1Job): { state: "complete" | "failed"; detail: string } | undefined {
  for (const { type, status, reason, message } of job.status?.conditions ?? []) {
    if (status !== "True") continue;
    if (type === "Complete") return { state: "complete", detail: "" };
    if (type === "Failed") return { state: "failed", detail: message ?? reason ?? "" };
  }
  return undefined;
}

/** How many indexes a Job's status names, written as "0-2,4". */
export function indexCount(indexes: string | undefined): number {
  if (indexes === undefined || indexes === "") return 0;
  return indexes
    .split(",")
    .map((range) => range.split("-").map(Number))
    .reduce((sum, [first = 0, last = first]) => sum + last - first + 1, 0);
}
