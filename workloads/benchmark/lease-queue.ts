/**
 * A fair queue on one coordination.k8s.io Lease: spec.holderIdentity holds it, an annotation keeps those who wait in the
 * order they came. This file is the pure part: every change is one step from a state that was read to the state to
 * write, and the API server's resourceVersion lets only one of two writers through.
 *
 * Clocks are not compared between machines. Whoever looks at the lease notes, by its own monotonic clock, since when
 * somebody's `renewed` has not changed, and holds them for dead after `expiry` (as client-go's leader election does).
 * A holder gives up by itself after `deadline` without a renewal, which comes before anyone else can hold it for dead.
 */
export interface LeaseState {
  readonly holder: Renewed | null;
  readonly queue: readonly Renewed[];
}

export interface Renewed {
  readonly id: string;
  /** Any text that changes with each renewal: the time, for people to read. */
  readonly renewed: string;
}

/** Milliseconds. */
export interface Timing {
  /** Between renewals, of a holder and of one who waits. */
  readonly renew: number;
  /** After this long without a renewal, a holder takes its lease for lost. */
  readonly deadline: number;
  /** After this long without a change, others hold it for dead. */
  readonly expiry: number;
  /** Between looks of one who waits. */
  readonly look: number;
}

export const timing: Timing = { renew: 10_000, deadline: 20_000, expiry: 30_000, look: 1_000 };

export type Step = "acquire" | "renew" | "release";

/**
 * The state after `step` of `me`. "acquire": takes the free lease if nobody stands before me, else enters the queue or
 * renews my place in it. "renew": renews what I hold, and changes nothing if I hold it no more. "release": gives up the
 * lease and my place in the queue.
 * @param expired whoever `me` has seen unchanged for longer than `expiry`; they are dropped
 */
export function nextLeaseState(state: LeaseState, step: Step, me: Renewed, expired: ReadonlySet<string>): LeaseState {
  const others = state.queue.filter(({ id }) => id !== me.id && !expired.has(id));
  const held = state.holder?.id === me.id;
  if (step === "release")
    return { holder: held ? null : state.holder, queue: state.queue.filter(({ id }) => id !== me.id) };
  if (held) return { holder: me, queue: others };
  if (step === "renew") return state;

  const holder = state.holder !== null && expired.has(state.holder.id) ? null : state.holder;
  const waiting = state.queue.some(({ id }) => id === me.id);
  const queue = waiting
    ? state.queue.filter(({ id }) => id === me.id || !expired.has(id)).map((one) => (one.id === me.id ? me : one))
    : [...others, me];
  return holder === null && queue[0]?.id === me.id ? { holder: me, queue: queue.slice(1) } : { holder, queue };
}

/** Whom one observer has seen, and since when (its own monotonic clock, milliseconds) they are unchanged. */
export type Sightings = ReadonlyMap<string, { readonly renewed: string; readonly since: number }>;

/** The sightings after another look at the lease. */
export function sight(sightings: Sightings, state: LeaseState, now: number): Sightings {
  const present = state.holder === null ? state.queue : [state.holder, ...state.queue];
  return new Map(
    present.map(({ id, renewed }) => {
      const before = sightings.get(id);
      return [id, before?.renewed === renewed ? before : { renewed, since: now }];
    }),
  );
}

/** Whom the observer holds for dead at `now`. */
export function expiredAt(sightings: Sightings, now: number, expiry: number): Set<string> {
  return new Set([...sightings].filter(([, { since }]) => now - since >= expiry).map(([id]) => id));
}
