import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../remote/connection.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { binaryPath } from "../k3s/paths.ts";
import { UserError } from "../user-error.ts";
import {
  heldLease,
  LeaseConflict,
  measurementLease,
  stateOf,
  type Lease,
  type LeaseClient,
} from "../../workloads/benchmark/lease.ts";
import { timing, type LeaseState } from "../../workloads/benchmark/lease-queue.ts";

/** Ids of those who disturb measurements and wait for one another, unlike blocks, which are never waited for. */
export const disturbance = "maintenance/";

/** Seconds that kubectl may take: a server on an SD card is slow to answer while it starts. */
const kubectlSeconds = 60;

/** Runs kubectl on the server; replaced in tests. */
export type Kubectl = (
  args: readonly string[],
  stdin?: string,
) => Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;

/** kubectl on the site's server, over SSH. */
export function kubectlOn(server: Endpoint): Kubectl {
  return (args, stdin) =>
    run(server, ["sudo", "-n", binaryPath, "kubectl", ...args, "--cache-dir=/run/bramble/kubectl"], {
      timeoutSeconds: kubectlSeconds,
      ...(stdin === undefined ? {} : { stdin }),
    });
}

/** Why a node is disturbed, and how. */
export interface Disturbance {
  /** Stands behind the node's name in a refusal. @default "has to reboot" */
  readonly reason?: string;
  /** Those of one group disturb together, as many as come: others have seen to it that they may. @default one at a time */
  readonly group?: string;
}

/**
 * Does `work` while no block measures on the site, and keeps the next one from beginning until it ended. Others that do the same
 * are waited for. Where there is no cluster yet, or no Lease in it, nothing measures.
 * @param kubectl asks another server when one goes away: the work may take any of them away
 * @param node whom the work disturbs; stands in the Lease for people to read
 * @throws UserError naming the holder when a block measures now
 */
export async function withoutMeasurements<T>(
  kubectl: Kubectl,
  node: string,
  work: () => Promise<T>,
  { reason = "has to reboot", group }: Disturbance = {},
): Promise<T> {
  const first = await findLease(kubectl);
  if (first === undefined) return await work();
  const company = group === undefined ? undefined : `${disturbance}${group}/`;
  const id = `${company ?? disturbance}${node}/${randomUUID()}`;
  const waiting = new AbortController();
  const begun: { work?: Promise<T>; held?: true } = {};
  const begin = (): Promise<T> => {
    begun.work ??= work().finally(() => {
      // Done beside a holder of its group: it need not hold the Lease itself any more.
      if (begun.held === undefined) waiting.abort(new Error("done"));
    });
    return begun.work;
  };
  let before: LeaseState | undefined;
  const look = (lease: Lease): Lease => {
    const state = stateOf(lease);
    const holder = measuringHolder(before, state);
    before = state;
    // Once the work has begun there is nothing to refuse any more: a server that was away for long may have lost us the Lease.
    if (begun.work !== undefined) return lease;
    if (holder !== undefined) waiting.abort(measures(holder, node, reason));
    else if (company !== undefined && isAmong(state, id, company)) begin().catch(() => undefined);
    return lease;
  };
  look(first);
  const client: LeaseClient = {
    get: async () => look((await readLease(kubectl)) ?? first),
    update: async (lease) => await replaceLease(kubectl, lease),
  };
  try {
    await heldLease(client, id, waiting.signal, async () => {
      begun.held = true;
      return await begin();
    });
  } catch (error) {
    // Whoever waits is told so by an error of its own.
    if (begun.work === undefined) throw waiting.signal.aborted ? waiting.signal.reason : error;
  }
  // What became of the Lease meanwhile changes nothing any more.
  if (begun.work === undefined) throw new Error("the Lease was held, and nothing done");
  return await begun.work;
}

/** Whether all from the holder to this one in its queue are of one group: then no block can begin before this one is done. */
function isAmong({ holder, queue }: LeaseState, id: string, company: string): boolean {
  const place = queue.findIndex((one) => one.id === id);
  return place >= 0 && [holder, ...queue.slice(0, place)].every((one) => one?.id.startsWith(company) === true);
}

/**
 * The block that measures, seen in two looks at the Lease: one that came or renewed in between. A holder that did neither may be
 * dead; it is left to expire.
 */
export function measuringHolder(before: LeaseState | undefined, now: LeaseState): string | undefined {
  const { holder } = now;
  if (before === undefined || holder === null || holder.id.startsWith(disturbance)) return undefined;
  const same = before.holder?.id === holder.id && before.holder.renewed === holder.renewed;
  return same ? undefined : holder.id;
}

function measures(holder: string, node: string, reason: string): UserError {
  return new UserError({
    what: `${reason}, but ${holder} measures on this site now`,
    where: node,
    next: "run `pulumi up` again when it is done: it goes on from here",
  });
}

/**
 * The Lease, or undefined where nothing can measure: also where no API server answers for longer than a holder goes on without
 * renewing. A K3s that needs the reboot to come up must not stand in its way.
 */
async function findLease(kubectl: Kubectl): Promise<Lease | undefined> {
  const start = performance.now();
  for (;;) {
    try {
      return await readLease(kubectl);
    } catch (error) {
      const silent =
        error instanceof NodeUnavailable ||
        (error instanceof Error &&
          /refused|no route|timeout|timed out|unable to connect|\(ServiceUnavailable\)|leader changed/i.test(
            error.message,
          ));
      if (!silent) throw error;
      if (performance.now() - start > timing.deadline + 5_000) return undefined;
    }
    await sleep(1000);
  }
}

/** The Lease, or undefined where there is no K3s, or no Lease in it. @throws Error with what kubectl said */
async function readLease(kubectl: Kubectl): Promise<Lease | undefined> {
  const { name, namespace } = measurementLease;
  const { code, stdout, stderr } = await kubectl(["get", "lease", name, `--namespace=${namespace}`, "--output=json"]);
  if (code === 0) return JSON.parse(stdout) as Lease;
  if (/command not found|no such file|\(NotFound\)|doesn't have a resource type/i.test(stderr)) return undefined;
  throw new Error(`the measuring Lease cannot be read: ${stderr.trim()}`);
}

async function replaceLease(kubectl: Kubectl, lease: Lease): Promise<Lease> {
  const { code, stdout, stderr } = await kubectl(["replace", "--filename=-", "--output=json"], JSON.stringify(lease));
  if (code === 0) return JSON.parse(stdout) as Lease;
  if (stderr.includes("(Conflict)")) throw new LeaseConflict(stderr.trim());
  throw new Error(`the measuring Lease cannot be written: ${stderr.trim()}`);
}
