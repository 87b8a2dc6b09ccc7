import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { heldLease, LeaseLost, stateOf } from "../../../workloads/benchmark/lease.ts";
import { FakeLease } from "./fake-lease.ts";

const never = new AbortController().signal;
/** Faster than in the cluster, with seconds of room for a busy machine, on which a test may stand still that long. */
const quick = { renew: 20, deadline: 3_000, expiry: 5_000, look: 5 };

/** Work that only ends when the lease tells it to. */
const untilAborted = (held: AbortSignal) =>
  new Promise<never>((_, reject) => {
    held.addEventListener("abort", () => {
      reject(held.reason as Error);
    });
  });

test("work is done while holding, and the lease is free after it", async (t) => {
  const lease = new FakeLease();
  const result = await heldLease(lease, "a", never, () => {
    t.is(stateOf(lease.current).holder?.id, "a");
    return Promise.resolve(42);
  });
  t.is(result, 42);
  t.deepEqual(stateOf(lease.current), { holder: null, queue: [] });
  t.is(lease.current.spec?.leaseDurationSeconds, 30);
});

test("two who measure several blocks take turns", async (t) => {
  const lease = new FakeLease();
  const log: string[] = [];
  let inside = 0;
  const stack = async (name: string) => {
    for (let block = 0; block < 4; block++)
      await heldLease(
        lease,
        `${name}/${block}`,
        never,
        async () => {
          t.is(++inside, 1);
          // Until the other one waits: a block takes minutes, and its successor's pod starts within seconds.
          while (log.length < 7 && stateOf(lease.current).queue.length === 0) await sleep(5);
          log.push(`${name}${block}`);
          inside--;
        },
        quick,
      );
  };
  await Promise.all([stack("a"), stack("b")]);
  const pairs = [0, 1, 2, 3].map((block) => log.slice(2 * block, 2 * block + 2).sort());
  t.deepEqual(
    pairs,
    [0, 1, 2, 3].map((block) => [`a${block}`, `b${block}`]),
  );
});

test("a holder that dies is replaced after the expiry", async (t) => {
  const lease = new FakeLease();
  await lease.update({ ...lease.current, spec: { holderIdentity: "dead", renewTime: "once" } });
  await heldLease(lease, "b", never, () => Promise.resolve(), quick);
  t.deepEqual(lease.holders, ["dead", "b"]);
});

test("the lease is renewed for as long as the work takes", async (t) => {
  const lease = new FakeLease();
  await heldLease(lease, "a", never, () => sleep(1.2 * quick.deadline), quick);
  t.deepEqual(lease.holders, ["a"]);
});

test("a failure of the work frees the lease and goes on to the caller", async (t) => {
  const lease = new FakeLease();
  const failure = new Error("out of paper");
  t.is(await t.throwsAsync(heldLease(lease, "a", never, () => Promise.reject(failure))), failure);
  t.is(stateOf(lease.current).holder, null);
});

test("a holder cut off from the API server stops before others take over", async (t) => {
  const lease = new FakeLease();
  const error = await t.throwsAsync(
    heldLease(
      lease,
      "a",
      never,
      async (held) => {
        lease.failure = new Error("no route");
        return untilAborted(held).finally(() => (lease.failure = undefined));
      },
      quick,
    ),
  );
  t.true(error instanceof LeaseLost);
});

test("a holder whose lease was taken over stops, and does not free it", async (t) => {
  const lease = new FakeLease();
  const error = await t.throwsAsync(
    heldLease(
      lease,
      "a",
      never,
      async (held) => {
        await lease.update({ ...lease.current, spec: { holderIdentity: "thief", renewTime: "now" } });
        return untilAborted(held);
      },
      quick,
    ),
  );
  t.true(error instanceof LeaseLost);
  t.is(stateOf(lease.current).holder?.id, "thief");
});

test("who stops waiting leaves the queue", async (t) => {
  const lease = new FakeLease();
  const stop = new AbortController();
  await heldLease(lease, "a", never, async () => {
    const waiting = heldLease(lease, "b", stop.signal, () => Promise.reject(new Error("not yet")), quick);
    while (stateOf(lease.current).queue.length === 0) await sleep(5);
    stop.abort();
    await t.throwsAsync(waiting, { name: "AbortError" });
    t.deepEqual(stateOf(lease.current).queue, []);
  });
});

test("a queue spoilt by hand is begun anew", (t) => {
  const annotations = { "bramble.dev/queue": '[{"id":1},{"id":"a","renewed":"t"}' };
  t.deepEqual(stateOf({ metadata: { annotations } }), { holder: null, queue: [] });
});
