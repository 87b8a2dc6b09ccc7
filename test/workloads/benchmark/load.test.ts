import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { runLoad } from "../../../workloads/benchmark/load.ts";
import type { Load } from "../../../workloads/benchmark/plan.ts";

const never = new AbortController().signal;
const closed = (users: number): Load => ({ kind: "closed", users, requests: 6 });
const six = [0, 1, 2, 3, 4, 5];

/** Answers that come when the test lets them, and how many are waited for. */
function held() {
  const release: (() => void)[] = [];
  const sent: { request: number; scheduled: number | null }[] = [];
  const send = async (request: number, scheduled: number | null) => {
    sent.push({ request, scheduled });
    await new Promise<void>((resolve) => release.push(resolve));
  };
  return { release, sent, send };
}
const settle = () => sleep(5);

test("in a closed loop each user waits for an answer before the next request", async (t) => {
  const { release, sent, send } = held();
  const done = runLoad(closed(2), null, six, send, never);
  await settle();
  t.deepEqual(
    sent.map(({ request }) => request),
    [0, 1],
  );
  release[1]?.();
  await settle();
  t.deepEqual(
    sent.map(({ request }) => request),
    [0, 1, 2],
  );
  for (let index = 0; index < six.length; index++) {
    release[index]?.();
    await settle();
  }
  await done;
  t.deepEqual(
    sent,
    six.map((request) => ({ request, scheduled: null })),
  );
});

test("in an open loop nothing waits for an answer, and each request knows when it was due", async (t) => {
  const { release, sent, send } = held();
  const before = Date.now();
  const done = runLoad({ kind: "constant", rate: 100, requests: 3 }, [0, 10, 20], [0, 1, 2], send, never);
  while (sent.length < 3) await settle();
  const times = sent.map(({ scheduled }) => scheduled ?? NaN);
  t.true((times[0] ?? NaN) >= before);
  t.deepEqual(
    times.map((at) => at - (times[0] ?? NaN)),
    [0, 10, 20],
  );
  for (const one of release) one();
  await done;
});

test("after an error nothing more is sent, and it is thrown when all have ended", async (t) => {
  for (const due of [null, [0, 0, 0, 40, 40, 40]]) {
    const sent: number[] = [];
    let ended = 0;
    const send = async (request: number) => {
      sent.push(request);
      await sleep(request === 1 ? 5 : 15);
      ended++;
      if (request === 1) throw new Error("the server is gone");
    };
    const load: Load = due === null ? closed(3) : { kind: "constant", rate: 1, requests: 6 };
    await t.throwsAsync(runLoad(load, due, six, send, never), { message: "the server is gone" });
    t.deepEqual(sent, [0, 1, 2]);
    t.is(ended, 3);
  }
});

test("when it is stopped, it throws the reason and sends nothing more", async (t) => {
  const stop = new AbortController();
  const sent: number[] = [];
  const send = async (request: number) => {
    sent.push(request);
    stop.abort(new Error("SIGTERM"));
    await settle();
  };
  await t.throwsAsync(runLoad({ kind: "constant", rate: 1, requests: 2 }, [0, 5_000], [0, 1], send, stop.signal), {
    message: "SIGTERM",
  });
  t.deepEqual(sent, [0]);
});
