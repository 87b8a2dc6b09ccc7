import test from "ava";
import { catalogue } from "../../../workloads/ollama/catalogue.ts";
import { predictDecode, predictionError, raspberryPi5 } from "../../../workloads/ollama/predict.ts";

const predict = (reference: string) => {
  const entry = catalogue[reference];
  return predictDecode({ entry, weights: entry?.bytes ?? null, context: 2048, kvCache: "f16" }, raspberryPi5);
};

// Decode rates that others published for one Pi 5 with 4-bit weights (shared facts: 1B 11.2 to 11.5, 1.5B 10, 3B 4.6 to 5.55, 8B 2.17).
for (const [reference, lowest, highest] of [
  ["llama3.2:1b-instruct-q4_K_M", 11.2, 11.5],
  ["yi-coder:1.5b", 10, 10],
  ["llama3.2:3b", 4.6, 5.55],
  ["llama3:8b", 2.17, 2.17],
] as const)
  test(`${reference}: what others measured lies within what is predicted, give or take 20 %, and below the ceiling`, (t) => {
    const prediction = predict(reference);
    if (prediction === null) return t.fail();
    const { low, high, ceiling } = prediction;
    t.true(highest > low * 0.8 && lowest < high * 1.2, `${low} to ${high}`);
    t.true(highest < ceiling);
    return undefined;
  });

test("a published 29.77 tokens/s of llama3.2:1b is beyond the ceiling, whatever its quantisation", (t) => {
  for (const reference of ["llama3.2:1b", "llama3.2:1b-instruct-q4_K_M"])
    t.true((predict(reference)?.ceiling ?? 99) < 29.77);
});

test("a mixture of experts reads what a token uses", (t) => {
  const [whole, expert] = [predict("qwen3:8b"), predict("qwen3:30b-a3b")];
  t.true((expert?.high ?? 0) > (whole?.high ?? Infinity));
});

test("of an unknown model nothing is predicted", (t) => {
  t.is(predict("mystery:1b"), null);
});

test("the error is signed: faster is positive", (t) => {
  const prediction = { ceiling: 20, low: 8, high: 12, bytesPerToken: 1 };
  t.is(predictionError(prediction, 11), 11 / 10 - 1);
  t.true(predictionError(prediction, 9) < 0);
});
