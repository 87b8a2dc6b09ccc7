import test from "ava";
import { addOutcomes, metrics } from "../../../../scripts/lib/results/metrics.ts";
import type { RequestRecord } from "../../../../workloads/benchmark/record.ts";
import { syntheticBlock, syntheticPlan } from "./synthetic-run.ts";

const requests = syntheticBlock(syntheticPlan(), 0).filter((record) => record.type === "request");
const request = (changes: Partial<RequestRecord>): RequestRecord => {
  const [first] = requests;
  if (first === undefined) throw new Error("no request");
  return { ...first, outcome: "ok", ...changes };
};

test("the decode rate leaves out the first token and the time before it", (t) => {
  t.is(metrics["decode-rate"].of(request({ tokensOut: 5, gaps: [10, 10, 10, 10], timeToFirstToken: 5000 })), 100);
});

test("tokens that arrive together count by their number, not by their arrivals", (t) => {
  t.is(metrics["decode-rate"].of(request({ tokensOut: 5, gaps: [20, 20] })), 100);
});

test("Ollama's own rate is its count over its time", (t) => {
  const ollama = { total: 9e9, load: 1, promptEval: 1, eval: 5e8 };
  t.is(metrics["ollama-eval-rate"].of(request({ tokensOut: 32, ollama })), 64);
});

test("what a request waited since it was due counts, and a clock's rounding does not", (t) => {
  const times = (scheduled: number | null) => {
    const one = request({ at: 5000, scheduled, timeToFirstToken: 100, endToEnd: 900 });
    return [metrics["time-to-first-token"].of(one), metrics["end-to-end"].of(one)];
  };
  t.deepEqual(times(null), [100, 0.9]);
  t.deepEqual(times(4750), [350, 1.15]);
  t.deepEqual(times(5000.7), [100, 0.9]);
});

test("what can't be known is null", (t) => {
  const nothing = { total: null, load: null, promptEval: null, eval: null };
  t.is(metrics["decode-rate"].of(request({ tokensOut: null })), null);
  t.is(metrics["decode-rate"].of(request({ tokensOut: 1, gaps: [] })), null);
  t.is(metrics["ollama-eval-rate"].of(request({ ollama: nothing })), null);
  t.is(metrics["end-to-end"].of(request({ endToEnd: null })), null);
});

test("failures of several runs are counted by label", (t) => {
  const runs = [
    { requests: 4, failures: { timeout: 2, error: 1 } },
    { requests: 2, failures: { timeout: 1 } },
  ];
  t.deepEqual(addOutcomes(runs), { requests: 6, failures: { timeout: 3, error: 1 } });
});
