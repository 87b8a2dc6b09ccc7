import test from "ava";
import { describeAvailability, watchAvailability, type Ask } from "../../../scripts/faults/availability.ts";
import { VirtualClock } from "../../virtual-clock.ts";

/** Servers that answer after so many milliseconds, or never. `asked`: which ones, in order. */
function setUp(delays: Record<string, number>) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const ask: Ask = async (server) => {
    asked.push(server);
    await clock.sleep(delays[server] ?? 1e9);
    if ((delays[server] ?? 0) < 0) throw new Error("away");
  };
  /** How it was during so many seconds, while what happens happens. */
  const watch = async (seconds: number, happens: () => void = () => undefined, limit = 1000) => {
    const over = watchAvailability(Object.keys(delays), ask, { clock, limit });
    await clock.run(clock.sleep(seconds * 500));
    happens();
    await clock.run(clock.sleep(seconds * 500));
    return await clock.run(over());
  };
  return { delays, clock, asked, watch };
}
const away = -1;
const silent = 1e9;

test("a service is asked five times a second", async (t) => {
  const { watch } = setUp({ one: 10 });
  const { requests, failed } = await watch(4);
  t.true(requests >= 20 && requests <= 21, String(requests));
  t.is(failed, 0);
});

test("a server that is away is another one's business, and it stays with the one that answered", async (t) => {
  const { asked, watch } = setUp({ one: away, two: 10 });
  t.is((await watch(1)).failed, 0);
  t.is(asked.filter((server) => server === "one").length, 1);
});

test("a server that goes away in the middle is left for another one, and nothing fails", async (t) => {
  for (const gone of [away, silent]) {
    const { delays, asked, watch } = setUp({ one: 10, two: 10, three: 10 });
    const { failed, longestGap } = await watch(6, () => {
      delays.one = gone;
    });
    t.is(failed, 0);
    t.true(longestGap < 1);
    t.is(asked.at(-1), "two");
  }
});

test("servers that say nothing leave the last one time to answer, however many there are", async (t) => {
  const first = setUp({ one: silent, two: 690 });
  t.is((await first.watch(0.1)).failed, 0);
  t.is((await setUp({ one: silent, two: 290 }).watch(3)).failed, 0);
  t.is((await setUp({ one: silent, two: silent, three: 290 }).watch(3)).failed, 0);
  t.is((await setUp({ one: silent, two: silent, three: silent, four: silent, five: 190 }).watch(3)).failed, 0);
});

test("a request that no server answers within a second has failed", async (t) => {
  for (const delay of [away, silent, 1100]) {
    const { requests, failed, longestGap } = await setUp({ one: delay, two: delay }).watch(5);
    t.true(requests > 0);
    t.is(failed, requests);
    t.true(longestGap >= 5);
  }
});

test("only what was asked while no server answered has failed, and the gap is told", async (t) => {
  const { delays, watch, clock } = setUp({ one: 10, two: 10 });
  const { requests, failed, longestGap } = await watch(10, () => {
    Object.assign(delays, { one: away, two: away });
    void clock.sleep(2000).then(() => {
      Object.assign(delays, { one: 10, two: 10 });
    });
  });
  // Those of the last second before the servers came back were tried again, and answered in time.
  t.true(failed >= 4 && failed <= 6, String(failed));
  t.true(requests > 45);
  t.true(longestGap >= 2 && longestGap < 2.5, String(longestGap));
});

test("a client with more patience outlasts what is slow, and still fails where nobody answers", async (t) => {
  t.is((await setUp({ one: 1100, two: 1100 }).watch(5, undefined, 10_000)).failed, 0);
  const { requests, failed } = await setUp({ one: away, two: silent }).watch(5, undefined, 10_000);
  t.is(failed, requests);
});

test("a client with more patience still leaves a silent server as soon", async (t) => {
  const { failed, longestGap } = await setUp({ one: silent, two: 10 }).watch(5, undefined, 10_000);
  t.is(failed, 0);
  t.true(longestGap < 1, String(longestGap));
});

test("a slow server's answer still counts when the next one was asked meanwhile", async (t) => {
  t.is((await setUp({ one: 900, two: silent, three: away }).watch(5)).failed, 0);
});

test("of requests that failed it is told what each server did", async (t) => {
  const { failures } = await setUp({ one: away, two: silent }).watch(5);
  t.is(failures[0], "after 0.0 s: one away, two said nothing");
  t.is(failures.length, 10);
});

test("the words for it", (t) => {
  t.is(
    describeAvailability("API", { requests: 412, failed: 1, longestGap: 0.4, failures: ["after 3.2 s: one away"] }),
    "API: 1 of 412 requests failed, longest gap 0.4 s; after 3.2 s: one away",
  );
});
