import test from "ava";
import { openSealedRun } from "../../../../scripts/lib/results/sealed-run.ts";
import { renderSummary } from "../../../../scripts/lib/results/summary-table.ts";
import { summarize } from "../../../../scripts/lib/results/summary.ts";
import { matchesGolden } from "../../../golden.ts";
import { emptyResults, inTurn, sealSynthetic, syntheticPlan } from "./synthetic-run.ts";

const sample = (at: number, throttled: number) =>
  `${JSON.stringify({
    ...{ at, up: at, cpu: 0.8, memory: { total: 8e9, available: 5e9 }, cgroups: {}, frequency: 2.4e9 },
    ...{ temperature: 61, throttled, fan: null, watts: 7 },
  })}\n`;

/** Samples a second apart while the first two blocks go on; the second one is throttled. */
const sampled = () =>
  [0, 1]
    .flatMap((block) =>
      Array.from({ length: 20 }, (_, second) => sample(inTurn(0)(block) + second * 1000, block === 1 ? 4 : 0)),
    )
    .join("");

test("each variant under each scenario is one line, and what speaks against a run is said", async (t) => {
  const layout = await emptyResults(t);
  const plan = syntheticPlan({ blocks: 2 });
  await sealSynthetic(layout, "one", plan, {
    samples: sampled,
    failure: (scenario, block, request) => (scenario === "chat" && block === 0 && request === 1 ? "timeout" : null),
  });
  const summaries = summarize(await openSealedRun(layout, "one"));
  const [chat] = summaries;
  t.like(chat, { variant: "base", scenario: "chat", runs: 1, requests: 5, failed: 1, temperature: 61 });
  t.deepEqual(
    chat?.invalid.map(({ block }) => block),
    [1],
  );
  t.true((chat?.tokensPerJoule ?? 0) > 0);
  const text = renderSummary(summaries);
  for (const line of text.split("\n")) t.true(line.length <= 100, line);
  matchesGolden(t, "summary.txt", text);
});

test("a meter's readings count before the board's own estimate, and its name is given", async (t) => {
  const layout = await emptyResults(t);
  await sealSynthetic(layout, "one", syntheticPlan({ blocks: 1 }), { samples: sampled });
  const sealed = await openSealedRun(layout, "one");
  const meter = Array.from({ length: 20 }, (_, second) => ({ at: inTurn(0)(0) + second * 1000, watts: 14 }));
  const [[own], [metered]] = [summarize(sealed), summarize(sealed, meter)];
  t.is(own?.energySource, "pmic-estimate");
  t.is(metered?.energySource, "external-meter");
  t.true(Math.abs((own?.tokensPerJoule ?? 0) / (metered?.tokensPerJoule ?? 1) - 2) < 1e-9);
  t.true(renderSummary(metered === undefined ? [] : [metered]).includes("tokens/J: by the external meter\n"));
  t.like(summarize(sealed, meter.slice(0, 3))[0], { tokensPerJoule: null, energySource: null });
});

test("a suite's answers are scored, with an interval and the power that it has", async (t) => {
  const layout = await emptyResults(t);
  const items = Array.from({ length: 20 }, (_, index) => ({
    ...{ id: `i-${index}`, kind: index < 10 ? "a" : "b", prompt: `${index}?` },
    scorer: { type: "exact", answer: index < 15 ? "yes" : "no" },
  }));
  const base = syntheticPlan();
  const scenario = {
    ...base.scenarios.chat,
    prompts: null,
    suite: "quiz",
    load: { kind: "closed" as const, users: 1, requests: 20 },
  };
  const plan = syntheticPlan({
    blocks: 2,
    suites: { quiz: items },
    scenarios: { accuracy: { ...scenario, warmup: 0, maxTokens: 8, cold: false } },
  });
  await sealSynthetic(layout, "one", plan, { answer: () => "Yes." });
  const [accuracy] = summarize(await openSealedRun(layout, "one"));
  t.like(accuracy?.score, {
    correct: 15,
    asked: 20,
    byKind: { a: { correct: 10, asked: 10 }, b: { correct: 5, asked: 10 } },
  });
  t.true(renderSummary([accuracy ?? t.fail()]).includes("75 % [53, 89]"));
});
