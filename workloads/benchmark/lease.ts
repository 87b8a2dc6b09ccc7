import { setTimeout as sleep } from "node:timers/promises";
import { expiredAt, nextLeaseState, sight, timing } from "./lease-queue.ts";
import type { LeaseState, Renewed, Sightings, Step, Timing } from "./lease-queue.ts";

/** The part of a coordination.k8s.io/v1 Lease that this module reads and writes; the rest is carried along. */
export interface Lease {
  readonly metadata: {
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [key: string]: unknown;
  };
  readonly spec?: {
    readonly holderIdentity?: string | null;
    readonly renewTime?: string | null;
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

export interface LeaseClient {
  get(): Promise<Lease>;
  /** Replaces the Lease. @throws LeaseConflict where somebody else wrote since it was read */
  update(lease: Lease): Promise<Lease>;
}

export class LeaseConflict extends Error {
  override readonly name = "LeaseConflict";
}

/** The lease ran out in the hands of its holder: what was measured since may overlap with somebody else's work. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** The Lease that a site owns: whoever measures on it, or disturbs those who measure, holds it. */
export const measurementLease = { namespace: "bramble", name: "measurement" } as const;

const queueAnnotation = "bramble.dev/queue";

/** Without an answer from the API server for this long (milliseconds), waiting for the lease ends with the error. */
const patience = 120_000;

/**
 * Waits in the queue for the lease, does `work` while holding it, and releases it however that ends.
 * @param id names this holder among all others: a pod's or process's own, never used again
 * @param work gets a signal that aborts when the lease is lost or `signal` aborts; it must stop then
 * @throws LeaseLost, or the reason of `signal`, once `work` has ended
 */
export async function heldLease<T>(
  client: LeaseClient,
  id: string,
  signal: AbortSignal,
  work: (held: AbortSignal) => Promise<T>,
  times: Timing = timing,
): Promise<T> {
  const lost = new AbortController();
  const ended = new AbortController();
  let renewal: Promise<void> | undefined;
  try {
    const certain = await acquire(client, id, signal, times);
    renewal = keepRenewing(client, id, certain, ended.signal, times).catch((error: unknown) => {
      lost.abort(error);
    });
    const held = AbortSignal.any([lost.signal, signal]);
    const result = await work(held);
    held.throwIfAborted();
    return result;
  } finally {
    ended.abort();
    await renewal;
    await release(client, id);
  }
}

/** Returns when the lease is held: the moment (monotonic, milliseconds) until which nobody can have taken it over. */
async function acquire(client: LeaseClient, id: string, signal: AbortSignal, times: Timing): Promise<number> {
  let sightings: Sightings = new Map();
  let renewedAt = -Infinity;
  let answeredAt = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const began = performance.now();
    let pause = times.look;
    try {
      const lease = await client.get();
      const now = (answeredAt = performance.now());
      const state = stateOf(lease);
      sightings = sight(sightings, state, now);
      const me = { id, renewed: timeText() };
      const next = nextLeaseState(state, "acquire", me, expiredAt(sightings, now, times.expiry));
      const takes = next.holder?.id === id;
      const waits = state.queue.some((one) => one.id === id);
      if (takes || !waits || began - renewedAt >= times.renew) {
        await client.update(withState(lease, next));
        renewedAt = began;
      }
      if (takes) return began + times.deadline;
    } catch (error) {
      if (performance.now() - answeredAt > patience) throw error;
      pause = pauseAfter(error);
    }
    await sleep(pause, undefined, { signal });
  }
}

/** Renews until `ended` aborts. @throws LeaseLost */
async function keepRenewing(
  client: LeaseClient,
  id: string,
  certain: number,
  ended: AbortSignal,
  times: Timing,
): Promise<void> {
  let until = certain;
  let pause = times.renew;
  for (;;) {
    await quietly(sleep(Math.max(0, Math.min(pause, until - performance.now())), undefined, { signal: ended }));
    if (ended.aborted) return;
    const began = performance.now();
    if (began >= until) throw new LeaseLost(`the measuring lease could not be renewed for ${times.deadline / 1000} s`);
    // Does not outwait a request that hangs: the holder must stop before others take over.
    const renewed = write(client, "renew", { id, renewed: timeText() }).catch((error: unknown) => pauseAfter(error));
    const outcome = await Promise.race([renewed, quietly(sleep(until - began, 0, { signal: ended }))]);
    if (outcome === "lost") throw new LeaseLost("the measuring lease was taken over by somebody else");
    if (outcome === "written") until = began + times.deadline;
    pause = outcome === "written" ? times.renew : (outcome ?? 0);
  }
}

async function release(client: LeaseClient, id: string): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      await write(client, "release", { id, renewed: timeText() });
      return;
    } catch (error) {
      await sleep(pauseAfter(error));
    }
  }
  console.error("the measuring lease was not released; it expires by itself");
}

/** One step of a holder. "lost": it holds the lease no more. */
async function write(client: LeaseClient, step: Step, me: Renewed): Promise<"written" | "lost"> {
  const lease = await client.get();
  const state = stateOf(lease);
  const next = nextLeaseState(state, step, me, new Set());
  if (step === "renew" && next.holder?.id !== me.id) return "lost";
  const present = [state.holder, ...state.queue].some((one) => one?.id === me.id);
  if (present) await client.update(withState(lease, next));
  return "written";
}

/**
 * Milliseconds until a step that failed is tried again: after a conflict almost at once, with a little chance so that
 * two writers part; after anything else (the API server restarts) a second.
 */
function pauseAfter(error: unknown): number {
  if (error instanceof LeaseConflict) return 20 + Math.random() * 80;
  console.error(`measuring lease: ${String(error)}`);
  return 1_000;
}

async function quietly<T>(wait: Promise<T>): Promise<T | undefined> {
  return wait.catch(() => undefined);
}

/** Who holds a Lease and who waits for it. */
export function stateOf(lease: Lease): LeaseState {
  const { holderIdentity: id, renewTime } = lease.spec ?? {};
  return {
    holder: id ? { id, renewed: renewTime ?? "" } : null,
    queue: queueOf(lease.metadata.annotations?.[queueAnnotation]),
  };
}

function queueOf(text: string | undefined): Renewed[] {
  try {
    const queue: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(queue) ? queue.filter(isRenewed) : [];
  } catch {
    return []; // edited by hand: whoever waits enters again
  }
}

function isRenewed(value: unknown): value is Renewed {
  const { id, renewed } = (value ?? {}) as Record<string, unknown>;
  return typeof id === "string" && typeof renewed === "string";
}

function withState(lease: Lease, { holder, queue }: LeaseState): Lease {
  return {
    ...lease,
    metadata: {
      ...lease.metadata,
      annotations: { ...lease.metadata.annotations, [queueAnnotation]: JSON.stringify(queue) },
    },
    spec: {
      ...lease.spec,
      leaseDurationSeconds: timing.expiry / 1000,
      holderIdentity: holder?.id ?? null,
      renewTime: holder === null || holder.renewed === "" ? null : holder.renewed,
    },
  };
}

/** Now as Kubernetes' MicroTime. */
function timeText(): string {
  return new Date().toISOString().replace("Z", "000Z");
}
