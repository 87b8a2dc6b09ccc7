/**
 * The benchmark in its pod: does one block of the plan, the one that the Job's index names, and ends.
 * Exit codes: 0 the block has ended; 1 a later attempt goes on; 3 no attempt can (the Job gives the index up);
 * 143 stopped by SIGTERM, a later attempt goes on.
 */
import { readFileSync } from "node:fs";
import { doRun, WrongModel, type Place } from "./block.ts";
import { openJournal, type Journal } from "./journal.ts";
import { inClusterConnection, leaseClient } from "./kubernetes-client.ts";
import { heldLease, measurementLease, type LeaseClient } from "./lease.ts";
import { limits, serverVersion, type Limits } from "./ollama-client.ts";
import { orderOf, settingsOf } from "./order.ts";
import type { Plan } from "./plan.ts";

const exitCode = { done: 0, tryAgain: 1, wrongModel: 3, terminated: 143 } as const;

export interface Assignment {
  readonly plan: Plan;
  readonly runId: string;
  readonly block: number;
  /** The Ollama server of each node that serves. */
  readonly ollama: Readonly<Record<string, URL>>;
  /** Where each node's probe answers; empty where the site has none. */
  readonly probes: Readonly<Record<string, URL>>;
  /** Where the journals of this run-id lie. */
  readonly results: string;
  readonly node: string;
  readonly namespace: string;
  readonly pod: string;
}

/** Waits for its turn to measure, then does what is left of the block. Returns once the block's end lies on the disk. */
export async function doBlock(
  assignment: Assignment,
  lease: LeaseClient,
  signal: AbortSignal,
  waits: Limits = limits,
): Promise<void> {
  const { runId, block, results, namespace, pod } = assignment;
  console.log(`block ${block} of ${runId} waits for its turn to measure`);
  await heldLease(lease, `${namespace}/${pod}`, signal, async (held) => {
    const journal = openJournal(results, block);
    try {
      if (!journal.ended) await measure(assignment, journal, waits, held);
    } finally {
      journal.close();
    }
  });
  console.log(`block ${block} of ${runId} has ended`);
}

async function measure(assignment: Assignment, journal: Journal, waits: Limits, signal: AbortSignal): Promise<void> {
  const { plan, runId, block, node, pod, ollama, probes } = assignment;
  const { attempt } = journal;
  const order = orderOf(plan, block);
  const placeOf = (server: string): Place => {
    const url = ollama[server];
    if (url === undefined) throw new Error(`there is no Ollama server on node ${server}`);
    return { server: { url, limits: waits, signal }, probe: probes[server] ?? null };
  };
  const versions = await Promise.all(plan.nodes.models.map((name) => serverVersion(placeOf(name).server)));
  journal.append({
    type: "block-start",
    schema: 2,
    runId,
    block,
    attempt,
    at: Date.now(),
    order: order.map(({ name }) => name),
    node,
    pod,
    runtime: `node ${process.version}`,
    // One image for all servers: they differ only while one of them is replaced.
    ollamaVersion: new Set(versions).size === 1 ? (versions[0] ?? null) : null,
  });
  for (const [index, run] of order.entries()) {
    if (journal.finished.has(run.name)) continue;
    console.log(`block ${block}, attempt ${attempt}: run ${index + 1} of ${order.length}, ${run.name}`);
    await doRun(plan, run, block, placeOf(settingsOf(plan, run).variant.node), journal);
  }
  journal.append({ type: "block-end", block, attempt, at: Date.now() });
}

async function main(environment: NodeJS.ProcessEnv): Promise<number> {
  const value = (name: string): string => {
    const text = environment[name];
    if (!text) throw new Error(`${name} is not set`);
    return text;
  };
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"])
    process.once(signal, () => {
      stop.abort(new Error(signal));
    });
  try {
    const connection = inClusterConnection(environment, value("SERVICE_ACCOUNT"));
    const assignment: Assignment = {
      plan: JSON.parse(readFileSync(value("PLAN"), "utf8")) as Plan,
      runId: value("RUN_ID"),
      block: Number(value("JOB_COMPLETION_INDEX")),
      ollama: urlsOf(value("OLLAMA_URLS")),
      probes: urlsOf(value("PROBE_URLS")),
      results: value("RESULTS"),
      node: value("NODE_NAME"),
      namespace: value("POD_NAMESPACE"),
      pod: value("POD_NAME"),
    };
    await doBlock(assignment, leaseClient(connection, measurementLease), stop.signal);
    return exitCode.done;
  } catch (error) {
    if (stop.signal.aborted) return exitCode.terminated;
    console.error(error);
    return error instanceof WrongModel ? exitCode.wrongModel : exitCode.tryAgain;
  }
}

/** A JSON object of URLs by node. */
function urlsOf(text: string): Record<string, URL> {
  const entries = Object.entries(JSON.parse(text) as Record<string, string>);
  return Object.fromEntries(entries.map(([node, url]) => [node, new URL(url)]));
}

if (import.meta.main) process.exitCode = await main(process.env);
