import test from "ava";
import fc from "fast-check";
import {
  expiredAt,
  nextLeaseState,
  sight,
  timing,
  type LeaseState,
  type Sightings,
} from "../../../workloads/benchmark/lease-queue.ts";

const none: ReadonlySet<string> = new Set();
const at = (id: string, renewed = "t") => ({ id, renewed });
const free: LeaseState = { holder: null, queue: [] };

test("a free lease is taken at once", (t) => {
  t.deepEqual(nextLeaseState(free, "acquire", at("a"), none), { holder: at("a"), queue: [] });
});

test("a held lease is waited for in the order of arrival", (t) => {
  let state = nextLeaseState(free, "acquire", at("a"), none);
  for (const id of ["b", "c", "b"]) state = nextLeaseState(state, "acquire", at(id, `t-${id}`), none);
  t.deepEqual(state, { holder: at("a"), queue: [at("b", "t-b"), at("c", "t-c")] });
  state = nextLeaseState(state, "release", at("a"), none);
  t.is(nextLeaseState(state, "acquire", at("c"), none).holder, null);
  t.deepEqual(nextLeaseState(state, "acquire", at("b"), none), { holder: at("b"), queue: [at("c", "t-c")] });
});

test("a free lease is not taken past somebody who waits", (t) => {
  t.deepEqual(nextLeaseState({ holder: null, queue: [at("b")] }, "acquire", at("c"), none), {
    holder: null,
    queue: [at("b"), at("c")],
  });
});

test("the dead are dropped, wherever they stand", (t) => {
  const state = { holder: at("dead"), queue: [at("gone"), at("b"), at("late")] };
  t.deepEqual(nextLeaseState(state, "acquire", at("b", "u"), new Set(["dead", "gone", "late"])), {
    holder: at("b", "u"),
    queue: [],
  });
});

test("renewing what one lost changes nothing", (t) => {
  const state = { holder: at("b"), queue: [at("c")] };
  t.is(nextLeaseState(state, "renew", at("a"), none), state);
});

test("releasing leaves the lease and the queue, and nobody else's place", (t) => {
  t.deepEqual(nextLeaseState({ holder: at("b"), queue: [at("a"), at("c")] }, "release", at("a"), none), {
    holder: at("b"),
    queue: [at("c")],
  });
});

test("who renews is never held for dead, whatever their clock says", (t) => {
  let sightings: Sightings = new Map();
  for (let now = 0; now < 10 * timing.expiry; now += timing.expiry - 1) {
    sightings = sight(sightings, { holder: at("a", `clock of ${1e9 - now}`), queue: [at("b")] }, now);
    t.false(expiredAt(sightings, now, timing.expiry).has("a"));
  }
  t.true(expiredAt(sightings, 10 * timing.expiry, timing.expiry).has("b"));
});

/**
 * A world of actors that read, think and write at moments chosen by fast-check, with the API server's rule that a write
 * on a stale read is refused. Actors pause for as long as they like and die. An actor believes that it holds the lease
 * until `deadline` after it began the last renewal that went through.
 */
class World {
  readonly #state: { version: number; lease: LeaseState } = { version: 0, lease: free };
  readonly #actors: Actor[];
  now = 0;
  /** Arrivals of those who stayed alive and awake, and who got the lease, in order. */
  readonly arrivals: string[] = [];
  readonly grants: string[] = [];

  constructor(actors: number) {
    this.#actors = Array.from({ length: actors }, (_, index) => new Actor(index));
  }

  holders(): string[] {
    return this.#actors.filter((actor) => actor.until > this.now).map(({ id }) => id);
  }

  step(index: number, action: "read" | "write" | "release" | "die"): void {
    const actor = this.#actors[index % this.#actors.length];
    if (actor === undefined) return;
    if (action === "die") {
      actor.reborn();
      return;
    }
    if (action === "release") {
      this.#state.lease = nextLeaseState(this.#state.lease, "release", at(actor.id), none);
      this.#state.version++;
      actor.reborn();
      return;
    }
    if (action === "read") {
      actor.sightings = sight(actor.sightings, this.#state.lease, this.now);
      const expired = expiredAt(actor.sightings, this.now, timing.expiry);
      const intent = actor.holds ? "renew" : "acquire";
      const next = nextLeaseState(this.#state.lease, intent, at(actor.id, String(this.now)), expired);
      actor.pending = { version: this.#state.version, next, began: this.now };
      return;
    }
    const { pending } = actor;
    actor.pending = undefined;
    if (pending?.version !== this.#state.version) return;
    const waiting = this.#state.lease.queue.some(({ id }) => id === actor.id);
    this.#state.lease = pending.next;
    this.#state.version++;
    const got = pending.next.holder?.id === actor.id;
    if (got && !actor.holds) {
      if (!waiting) this.arrivals.push(actor.id);
      this.grants.push(actor.id);
    } else if (!got && !waiting && !actor.holds) this.arrivals.push(actor.id);
    if (got) actor.until = pending.began + timing.deadline;
    actor.holds = got;
  }
}

class Actor {
  id: string;
  holds = false;
  until = -1;
  sightings: Sightings = new Map();
  pending: { version: number; next: LeaseState; began: number } | undefined;
  readonly #index: number;
  #life = 0;

  constructor(index: number) {
    this.#index = index;
    this.id = `${index}.0`;
  }

  /** Ids are never used again. */
  reborn(): void {
    this.id = `${this.#index}.${++this.#life}`;
    this.holds = false;
    this.until = -1;
    this.sightings = new Map();
    this.pending = undefined;
  }
}

const actor = fc.nat(3);
const anyStep = fc.record({
  actor,
  action: fc.oneof(
    { weight: 8, arbitrary: fc.constant("read" as const) },
    { weight: 8, arbitrary: fc.constant("write" as const) },
    { weight: 1, arbitrary: fc.constantFrom("release" as const, "die" as const) },
  ),
  pause: fc.oneof({ weight: 10, arbitrary: fc.nat(3_000) }, { weight: 1, arbitrary: fc.nat(60_000) }),
});

test("never two believe that they hold the lease, however long they pause or die", (t) => {
  let handovers = 0;
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 50, maxLength: 400 }), (steps) => {
      const world = new World(4);
      for (const { actor, action, pause } of steps) {
        world.now += pause;
        world.step(actor, action);
        if (world.holders().length > 1) return false;
      }
      handovers += world.grants.length;
      return true;
    }),
    { numRuns: 300 },
  );
  t.true(handovers > 300, `only ${handovers} grants: the world does not turn`);
});

test("those who stay awake get the lease in the order they came", (t) => {
  const busy = fc.array(
    fc.record({ actor, action: fc.constantFrom("read", "write", "read", "write", "read", "write", "release") }),
    { minLength: 100, maxLength: 300 },
  );
  let grants = 0;
  fc.assert(
    fc.property(busy, (steps) => {
      const world = new World(4);
      for (const { actor, action } of steps) {
        world.now += 10; // far too quick for anyone to be held for dead
        world.step(actor, action);
      }
      grants += world.grants.length;
      const granted = new Set(world.grants);
      t.deepEqual(
        world.grants,
        world.arrivals.filter((id) => granted.has(id)),
      );
      // Whoever came before somebody who got it, got it too, unless they left the queue by themselves.
    }),
    { numRuns: 300 },
  );
  t.true(grants > 300, `only ${grants} grants: the world does not turn`);
});

test("a dead holder and dead waiters hold up the living for one expiry and no more", (t) => {
  let state: LeaseState = { holder: at("dead"), queue: [at("gone"), at("gone too")] };
  let sightings: Sightings = new Map();
  for (let now = 0; ; now += timing.look) {
    sightings = sight(sightings, state, now);
    const next = nextLeaseState(state, "acquire", at("me", String(now)), expiredAt(sightings, now, timing.expiry));
    if (next.holder?.id === "me") {
      t.is(now, timing.expiry);
      return t.deepEqual(next.queue, []);
    }
    state = next;
  }
});
