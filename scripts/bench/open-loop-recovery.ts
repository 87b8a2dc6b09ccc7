import { quantile } from "simple-statistics";
import { runLoad } from "../../workloads/benchmark/load.ts";
import { scheduleOf } from "../../workloads/benchmark/schedule.ts";
import type { Load } from "../../workloads/benchmark/plan.ts";
import type { Bench } from "./figure.ts";
import { rounded } from "./paired.ts";
import { askOnce, startStub } from "./stub.ts";

const quantiles = [0.5, 0.95, 0.99];

/**
 * `open-loop-recovery`: the largest relative difference between the client's quantiles of time to first token and end to end, and
 * those of the server's own log. `open-loop-lateness`: how late requests were sent, 99 of 100, under a server that is too slow
 * for them: the schedule is kept, whatever is still being answered.
 */
export const benchOpenLoop: Bench = async ({ report, signal }) => {
  const light: Load = { kind: "poisson", rate: 8, requests: 240 };
  const { measured, log } = await measure(light, { first: 250, gap: 20, tokens: 12 }, signal);
  const differences = quantiles.flatMap((q) => {
    const relative = (client: readonly number[], server: readonly number[]) =>
      Math.abs(quantile([...client], q) / quantile([...server], q) - 1);
    return [
      relative(
        measured.map(({ first }) => first),
        log.map(({ arrived, firstAt }) => firstAt - arrived),
      ),
      relative(
        measured.map(({ whole }) => whole),
        log.map(({ arrived, end }) => end - arrived),
      ),
    ];
  });
  report({
    ...{ name: "open-loop-recovery", value: rounded(Math.max(...differences)), unit: "fraction", baseline: 0.02 },
    ...{ ratio: rounded(Math.max(...differences) / 0.02), requests: measured.length, quantiles },
    against: "the stub server's own log: p50, p95, p99 of first token and end to end",
  });

  const heavy: Load = { kind: "constant", rate: 20, requests: 200 };
  const overloaded = await measure(heavy, { first: 60, gap: 20, tokens: 12, workers: 1 }, signal);
  const late = overloaded.measured.map(({ late: by }) => by);
  const first = overloaded.measured.map(({ sinceDue }) => sinceDue);
  report({
    ...{ name: "open-loop-lateness", value: rounded(quantile(late, 0.99)), unit: "ms", baseline: null, ratio: null },
    ...{
      requests: late.length,
      offered: "6 times what the server can do",
      lastAnswerAfter: rounded(Math.max(...first)),
    },
  });
};

async function measure(load: Load, times: Parameters<typeof startStub>[0], signal: AbortSignal) {
  const stub = await startStub(times);
  try {
    const measured: { first: number; whole: number; late: number; sinceDue: number }[] = [];
    const numbers = Array.from({ length: load.requests }, (_, index) => index);
    await runLoad(
      load,
      scheduleOf(load, 1, { block: 0, run: 0 }),
      numbers,
      async (_number, scheduled) => {
        const sent = performance.timeOrigin + performance.now();
        const { timeToFirstToken, endToEnd, outcome, error } = await askOnce(stub.url, signal, times.tokens);
        if (timeToFirstToken === null || endToEnd === null) throw new Error(`${outcome}: ${error ?? ""}`);
        const late = sent - (scheduled ?? sent);
        measured.push({ first: timeToFirstToken, whole: endToEnd, late, sinceDue: late + timeToFirstToken });
      },
      signal,
    );
    return { measured, log: stub.log };
  } finally {
    await stub.stop();
  }
}
