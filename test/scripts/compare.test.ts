import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { compare } from "../../scripts/compare.ts";
import { comparisonSchema, type Comparison } from "../../scripts/lib/results/comparison.ts";
import type { ResultsLayout } from "../../scripts/lib/results/layout.ts";
import { UserError } from "../../stacks/user-error.ts";
import type { Plan, Scenario } from "../../workloads/benchmark/plan.ts";
import { exampleScenario } from "../workloads/example-plan.ts";
import { matchesGolden } from "../golden.ts";
import {
  emptyResults,
  inTurn,
  journalText,
  sealSynthetic,
  syntheticBlock,
  syntheticPlan,
  syntheticVariant,
  type SyntheticOptions,
} from "./lib/results/synthetic-run.ts";

const slow = (changes: Partial<Plan> = {}) => syntheticPlan(changes);
const fast = (changes: Partial<Plan> = {}) =>
  syntheticPlan({ variants: { base: { ...syntheticVariant, threads: 2 } }, ...changes });

/** Two stacks whose blocks took turns; the second decodes `ratio` times as fast. */
async function twoStacks(
  t: ExecutionContext,
  ratio: number,
  options: { plan?: Partial<Plan>; b?: SyntheticOptions } = {},
): Promise<ResultsLayout> {
  const layout = await emptyResults(t);
  await sealSynthetic(layout, "threads-1", slow(options.plan), { seed: 1, start: inTurn(0) });
  const b = { seed: 2, start: inTurn(1), rate: () => 50 * ratio, ...options.b };
  await sealSynthetic(layout, "threads-2", fast(options.plan), b);
  return layout;
}

const pair = ["threads-1", "threads-2"];

async function asJson(layout: ResultsLayout, args: readonly string[] = pair): Promise<Comparison> {
  return comparisonSchema.parse(JSON.parse((await compare([...args, "--json"], layout)).output));
}

/** The comparison of two, on one metric. */
async function asPair(layout: ResultsLayout, args: readonly string[] = pair) {
  const comparison = await asJson(layout, args);
  const { sides, pairs, caveats } = comparison;
  const [a, b] = sides;
  const [one, ...others] = pairs;
  const [primary, ...more] = one?.decisions ?? [];
  if (a === undefined || b === undefined || one === undefined || primary === undefined)
    throw new Error("there is no pair");
  if (others.length + more.length > 0) throw new Error("there are more pairs, or more decisions");
  return { ...one, primary, a, b, caveats: [...one.caveats, ...caveats] };
}

test("a faster variant is found, with its size", async (t) => {
  const { primary, evidence, meantToDiffer } = await asPair(await twoStacks(t, 1.38));
  t.is(primary.verdict, "difference");
  t.is(primary.p, 2 / 64);
  t.regex(
    primary.sentence,
    /^threads-2 is faster by 38 % \[3\d, 3\d\], p = 0\.031: beyond noise; the smallest difference that it could have found is \d\.\d %$/,
  );
  t.is(evidence, "interleaved");
  t.deepEqual(meantToDiffer, [{ field: "threads", a: 1, b: 2 }]);
});

test("a slower one too", async (t) => {
  const { primary } = await asPair(await twoStacks(t, 0.72));
  t.regex(primary.sentence, /^threads-2 is slower by 28 % \[2\d, 2\d\], p = 0\.031: beyond noise; /);
});

test("a time to first token is shorter, not faster", async (t) => {
  const { primary } = await asPair(await twoStacks(t, 1.25, { plan: { primary: ["time-to-first-token"] } }));
  t.regex(primary.sentence, /^threads-2's time to first token is shorter by (19|20) % /);
});

test("the same speed is equivalent, or within noise where the margin is narrower than that", async (t) => {
  const layout = await twoStacks(t, 1, { plan: { blocks: 10 } });
  const { primary } = await asPair(layout);
  t.like(primary, { verdict: "equivalent", beyondNoise: false });
  t.true(primary.p !== null && primary.p > 0.05);
  t.true(primary.detectable !== null && primary.detectable > 0 && primary.detectable < 0.05);
  t.regex(primary.sentence, /^threads-2 is equivalent within 5\.0 %: .* could have found is \d\.\d+ %$/);
  const narrow = (await asPair(layout, [...pair, "--margin", "0.01%"])).primary;
  t.is(narrow.verdict, "within-noise");
  t.regex(narrow.sentence, /^threads-2 is within noise: .* could have found is \d\.\d+ %$/);
});

test("a difference inside the margin is equivalent, and said to be beyond noise", async (t) => {
  const { primary } = await asPair(await twoStacks(t, 1.02));
  t.like(primary, { verdict: "equivalent", beyondNoise: true });
  t.regex(primary.sentence, /faster by [12]\.\d % .* p = 0\.031, beyond noise, but inside the margin/);
});

test("five blocks are too few to decide, however large the difference", async (t) => {
  const { primary } = await asPair(await twoStacks(t, 3, { plan: { blocks: 5 } }));
  t.is(primary.verdict, "too-few");
  t.like(primary, { p: null, detectable: null });
  t.is(primary.effect.interval, null);
  t.regex(primary.sentence, /^threads-2: too few to decide: 5 pairs of blocks, and 6 are the fewest/);
});

test("one session after the other is weaker evidence", async (t) => {
  const layout = await twoStacks(t, 1.38, { b: { start: (block) => inTurn(0)(block + 20) } });
  const { primary, evidence, caveats } = await asPair(layout);
  t.is(evidence, "separate");
  t.regex(primary.sentence, /weaker evidence/);
  t.regex(caveats[0] ?? "", /not measured in turn/);
});

test("a shared reference run takes the sessions' own difference out of separate sessions", async (t) => {
  const reference = {
    variant: { ...syntheticVariant, threads: 4 },
    scenario: { ...exampleScenario, prompts: "questions" },
  };
  // The second session is 10 % slower in everything, and its variant no faster.
  const speed = (variant: string) => (variant === "reference" ? 80 : 50);
  const later = { start: (block: number) => inTurn(0)(block + 20), seed: 2 };
  const sessions = async (second: Partial<Plan>) => {
    const layout = await emptyResults(t);
    await sealSynthetic(layout, "threads-1", slow({ blocks: 8, reference }), { start: inTurn(0), rate: speed });
    const rate = (variant: string) => speed(variant) * 0.9;
    await sealSynthetic(layout, "threads-2", fast({ blocks: 8, ...second }), { ...later, rate });
    return await asPair(layout);
  };
  const shared = await sessions({ reference });
  t.like(shared, { evidence: "separate", referenced: true });
  t.like(shared.primary, { verdict: "equivalent", beyondNoise: false });
  t.true(Math.abs((shared.primary.effect.ratio ?? 0) - 1) < 0.01);
  t.true(
    shared.primary.sentence.endsWith(
      "(weaker evidence: measured in separate sessions, set against their reference runs)",
    ),
  );

  for (const other of [null, { ...reference, variant: { ...reference.variant, threads: 3 } }]) {
    const unshared = await sessions({ reference: other });
    t.false(unshared.referenced);
    t.is(unshared.primary.verdict, "difference");
  }
});

test("answers to a suite compare item by item, by McNemar's test", async (t) => {
  const layout = await emptyResults(t);
  const quiz = Array.from({ length: 40 }, (_, index) => ({
    ...{ id: `i-${index}`, kind: "k", prompt: `${index}?` },
    scorer: { type: "exact", answer: "yes" },
  }));
  const scenario: Scenario = {
    ...exampleScenario,
    ...{ prompts: null, suite: "quiz", warmup: 0, maxTokens: 8, load: { kind: "closed", users: 1, requests: 40 } },
  };
  const suite = { blocks: 8, suites: { quiz }, scenarios: { quiz: scenario } };
  const right = (least: number) => (prompt: number) => (prompt >= least ? "Yes." : "No.");
  await sealSynthetic(layout, "threads-1", slow(suite), { start: inTurn(0), answer: right(20) });
  await sealSynthetic(layout, "threads-2", fast(suite), { start: inTurn(1), seed: 2, answer: right(10) });
  const [compared] = (await asPair(layout)).scenarios;
  t.like(compared?.accuracy, { a: { correct: 20, asked: 40 }, b: { correct: 30, asked: 40 }, onlyA: 0, onlyB: 10 });
  t.true(Math.abs((compared?.accuracy?.p ?? 1) - 2 ** -9) < 1e-9);
  const { output, report } = await compare(pair, layout);
  for (const text of [output.replaceAll(/\s+/g, " "), (await readFile(report ?? "", "utf8")).replaceAll(/\s+/g, " ")])
    t.true(text.includes("A alone 0, B alone 10, McNemar p = 0.002"), text.slice(0, 3000));
  for (const line of output.split("\n")) t.true(line.length <= 100, line);
});

test("two that measured at the same time on one site are told to have disturbed each other", async (t) => {
  const { caveats } = await asPair(await twoStacks(t, 1, { b: { start: inTurn(0) } }));
  t.true(caveats.some((caveat) => caveat.includes("disturbed each other")));
});

test("failures are counted by label, and leave the figures alone", async (t) => {
  const layout = await twoStacks(t, 1.38, {
    b: {
      failure: (scenario, block, request) => (scenario === "chat" && block < 2 && request === 0 ? "timeout" : null),
    },
  });
  const { scenarios, primary } = await asPair(layout);
  t.deepEqual(
    scenarios.map(({ scenario, outcomes }) => [scenario, outcomes.b]),
    [
      ["chat", { requests: 30, failures: { timeout: 2 } }],
      ["summary", { requests: 30, failures: {} }],
    ],
  );
  t.is(primary.effect.pairs, 6);
});

test("a block in which every request failed has no figure, and makes no pair", async (t) => {
  const layout = await twoStacks(t, 1.38, {
    plan: { blocks: 7 },
    b: { failure: (scenario, block) => (scenario === "chat" && block === 3 ? "error" : null) },
  });
  const { scenarios, primary } = await asPair(layout);
  const [chat] = scenarios;
  t.is(chat?.metrics[0]?.b.blocks[3], null);
  t.is(primary.effect.pairs, 6);
});

test("a side without any figure shows dashes, never zeros", async (t) => {
  const layout = await twoStacks(t, 1, { b: { failure: () => "overload" } });
  const { output } = await compare(pair, layout);
  const [row] = output.split("\n").filter((line) => line.includes("decode rate, tokens/s"));
  t.regex(row ?? "", / – – +– +– +0$/);
  t.regex(output, /Verdict: threads-2: too few to decide: 0 pairs/);
});

test("missing blocks are told, and the others compared", async (t) => {
  const layout = await emptyResults(t);
  await sealSynthetic(layout, "threads-1", slow({ blocks: 8 }), { start: inTurn(0) });
  const change = (texts: Map<number, string>) => {
    texts.delete(1);
    texts.set(4, journalText(syntheticBlock(fast({ blocks: 8 }), 4)).slice(0, 900));
  };
  await sealSynthetic(layout, "threads-2", fast({ blocks: 8 }), { start: inTurn(1), seed: 2, change });
  const { primary, caveats, b } = await asPair(layout);
  t.is(primary.effect.pairs, 6);
  t.like(b.blocks, { planned: 8, sealed: 6, partial: 1, missing: 1 });
  t.true(caveats.includes("threads-2: of 8 blocks, 1 partial, 1 missing."), caveats.join("\n"));
});

test("a rate that a Pi 5's memory can't deliver is left out, where the model's weight is known", async (t) => {
  const layout = await emptyResults(t);
  const outputs = { modelBytes: { gemma: 292e6 } };
  await sealSynthetic(layout, "threads-1", slow({ blocks: 8 }), { start: inTurn(0), outputs });
  const rate = (_variant: string, _scenario: string, block: number) => (block === 3 ? 61 : 55);
  await sealSynthetic(layout, "threads-2", fast({ blocks: 8 }), { start: inTurn(1), seed: 2, rate, outputs });
  await t.throwsAsync(compare(pair, layout), { instanceOf: UserError, message: /invalid: none \| .*chat of block 3/ });
  const { primary, caveats } = await asPair(layout, [...pair, "--allow", "invalid"]);
  t.is(primary.effect.pairs, 7);
  t.true(
    caveats.some((caveat) => /chat of block 3 \(6\d\.\d tokens\/s are more than the 58\.5 that/.test(caveat)),
    caveats.join("\n"),
  );
});

test("a run during which the board throttled makes no pair, and is named with the reason", async (t) => {
  const layout = await emptyResults(t);
  const sample = (at: number) =>
    `${JSON.stringify({
      ...{ at, up: at, cpu: 1, memory: { total: 2, available: 1 }, cgroups: {}, frequency: null },
      ...{ temperature: 85, throttled: 4, fan: null, watts: null },
    })}\n`;
  const hot = inTurn(1)(2);
  const samples = () => Array.from({ length: 30 }, (_, second) => sample(hot + second * 1000)).join("");
  await sealSynthetic(layout, "threads-1", slow({ blocks: 8 }), { start: inTurn(0) });
  await sealSynthetic(layout, "threads-2", fast({ blocks: 8 }), { start: inTurn(1), seed: 2, samples });
  await t.throwsAsync(compare(pair, layout), {
    instanceOf: UserError,
    message: /throttled: none \| .*chat of block 2/,
  });
  const { primary, caveats } = await asPair(layout, [...pair, "--allow", "throttled"]);
  t.is(primary.effect.pairs, 7);
  t.true(
    caveats.some((caveat) => /^threads-2: left out as invalid: .*chat of block 2 \(throttled: 0x4\)/.test(caveat)),
    caveats.join("\n"),
  );
});

test("variants inside one run compare, and have to be named", async (t) => {
  const layout = await emptyResults(t);
  const variants = { slow: syntheticVariant, fast: { ...syntheticVariant, threads: 4 } };
  const rate = (variant: string) => (variant === "fast" ? 80 : 50);
  await sealSynthetic(layout, "both", syntheticPlan({ variants }), { rate });
  const { primary, evidence, a, b } = await asPair(layout, ["both:slow", "both:fast"]);
  t.is(evidence, "same-run");
  t.is(primary.verdict, "difference");
  t.deepEqual([a.label, b.label], ["both:slow", "both:fast"]);
  await t.throwsAsync(compare(["both", "both"], layout), { instanceOf: UserError, message: /both:fast, both:slow/ });
  await t.throwsAsync(compare(["both:fast", "both:fast"], layout), { instanceOf: UserError, message: /two sides/ });
});

test("two runs of one stack compare when they are named", async (t) => {
  const layout = await emptyResults(t);
  const older = await sealSynthetic(layout, "one", slow(), { start: inTurn(0) });
  const newer = await sealSynthetic(layout, "one", slow({ series: 2 }), { start: inTurn(1), seed: 2 });
  const { a, b, meantToDiffer } = await asPair(layout, [`one@${older}`, "one"]);
  t.deepEqual([a.runId, b.runId], [older, newer]);
  t.deepEqual([a.label, b.label], [`one@${older}`, `one@${newer}`]);
  t.deepEqual(meantToDiffer, []);
  const bySeries = await asPair(layout, ["one@2", "one@1"]);
  t.deepEqual([bySeries.a.runId, bySeries.b.runId], [newer, older]);
  await t.throwsAsync(compare(["one", "one@3"], layout), {
    instanceOf: UserError,
    message: /results\/one: there is no sealed run of series 3/,
  });
});

test("two measurements of one plan compare when the older one is named, each under its name", async (t) => {
  const layout = await emptyResults(t);
  const older = await sealSynthetic(layout, "one", slow(), { start: inTurn(0) });
  const newer = await sealSynthetic(layout, "one", slow(), { start: (block) => inTurn(0)(block + 20), seed: 2 });
  t.is(newer, `${older}-2`);
  const named = [`one@${older}`, "one"];
  const { a, b, evidence } = await asPair(layout, named);
  t.deepEqual([a.measurement, b.measurement], [older, newer]);
  t.deepEqual([a.runId, b.runId], [older, older]);
  t.deepEqual([a.label, b.label], [`one@${older}`, `one@${newer}`]);
  t.is(evidence, "separate");
  const { output, report } = await compare(named, layout);
  t.true(output.replaceAll(/\s+/g, " ").includes(`run ${newer}, series 1`), output);
  const html = await readFile(report ?? "", "utf8");
  t.true(html.includes(`href="../one/${older}/raw/"`) && html.includes(`href="../one/${newer}/manifest.json"`));
  const turned = await asPair(layout, [`one@${newer}`, `one@${older}`]);
  t.deepEqual([turned.a.measurement, turned.b.measurement], [newer, older]);
  await t.throwsAsync(compare(["one", "one"], layout), {
    instanceOf: UserError,
    message: new RegExp(`two sides are variant base of run ${newer}`),
  });
  await t.throwsAsync(compare([`one@${older}-3`, "one"], layout), {
    instanceOf: UserError,
    message: new RegExp(`run ${older}-3 is not there`),
  });
});

test("what was allowed to differ is on every output", async (t) => {
  const layout = await emptyResults(t);
  await sealSynthetic(layout, "threads-1", slow(), { start: inTurn(0) });
  const outputs = { versions: { k3s: "v1.35.0+k3s1" } };
  await sealSynthetic(layout, "threads-2", fast(), { start: inTurn(1), outputs });
  await t.throwsAsync(compare(pair, layout), {
    instanceOf: UserError,
    message: /versions.k3s: v1.34.2\+k3s1 \| v1.35/,
  });
  const { output, report } = await compare([...pair, "--allow", "versions.k3s"], layout);
  t.regex(output, /--allow: versions.k3s: v1.34.2\+k3s1 \| v1.35.0\+k3s1/);
  t.regex(await readFile(report ?? "", "utf8"), /--allow: versions.k3s: v1.34.2\+k3s1 \| v1.35.0\+k3s1/);
  const { allowed } = await asPair(layout, [...pair, "--allow", "versions.k3s"]);
  t.deepEqual(allowed, [{ field: "versions.k3s", a: "v1.34.2+k3s1", b: "v1.35.0+k3s1" }]);
  const markdown = (await compare([...pair, "--allow", "versions.k3s", "--markdown"], layout)).output;
  t.regex(markdown, /--allow: versions.k3s: v1.34.2\+k3s1 \\\| v1.35.0\+k3s1/);
});

test("a flipped byte in a sealed run stops the comparison and names the file", async (t) => {
  const layout = await emptyResults(t);
  await sealSynthetic(layout, "threads-1", slow(), { start: inTurn(0) });
  const runId = await sealSynthetic(layout, "threads-2", fast(), { start: inTurn(1) });
  const file = join(layout.sealed("threads-2", runId), "raw", "block-4.ndjson");
  const text = await readFile(file, "utf8");
  await chmod(file, 0o644);
  await writeFile(file, text.replace('"timeToFirstToken":9', '"timeToFirstToken":8'));
  t.not(await readFile(file, "utf8"), text);
  await t.throwsAsync(compare(pair, layout), {
    instanceOf: UserError,
    message: new RegExp(`results/threads-2/${runId}: raw/block-4.ndjson was changed`),
  });
});

for (const [name, args, problem] of [
  ["nothing", [], /nothing is named to compare/],
  ["one variant alone", ["threads-1"], /nothing to compare variant base of run .* with/],
  ["a stack without results", ["threads-1", "nowhere"], /results\/nowhere: there is no sealed run/],
  ["a path for a stack", ["threads-1", "../../etc"], /etc can't be read/],
  ["an unknown variant", ["threads-1:nine", "threads-2"], /no variant nine\n.*threads-1:base/],
  ["a run that is none", ["threads-1@xyz", "threads-2"], /xyz is neither a run nor a series/],
  ["a first measurement with a number", ["threads-1@0123456789ab-1", "threads-2"], /is neither a run nor a series/],
  ["a margin that is none", [...pair, "--margin", "5"], /--margin 5 can't be read/],
  ["two outputs", [...pair, "--json", "--markdown"], /two outputs/],
  ["an unknown field", [...pair, "--allow", "weather"], /--allow weather: there is no such field/],
] as const)
  test(`refuses ${name}`, async (t) => {
    await t.throwsAsync(compare(args, await twoStacks(t, 1)), { instanceOf: UserError, message: problem });
  });

test("the outputs are these, within 100 columns, and the same each time", async (t) => {
  const layout = await emptyResults(t);
  const twin = {
    architecture: "x86_64",
    pageSize: 4096,
    cpus: 2,
    memoryMegabytes: 24000,
    virtualization: "systemd-nspawn",
  };
  const facts = { "agent-1": twin, server: twin } as never;
  const drift = (base: number) => (_variant: string, _scenario: string, block: number) => base + Math.sin(block);
  const a = { seed: 1, noise: 0.04, start: inTurn(0), rate: drift(50), outputs: { facts } };
  const failure = (scenario: string, block: number, request: number) =>
    scenario === "chat" && block === 2 && request < 2 ? ("timeout" as const) : null;
  await sealSynthetic(layout, "threads-1", slow(), a);
  await sealSynthetic(layout, "threads-2", fast(), { ...a, seed: 2, start: inTurn(1), rate: drift(61), failure });
  const { output, report } = await compare(pair, layout);
  const html = await readFile(report ?? "", "utf8");
  for (const line of output.split("\n")) t.true(line.length <= 100, line);
  matchesGolden(t, "comparison.txt", output);
  matchesGolden(t, "comparison.html", html);
  matchesGolden(t, "comparison.json", (await compare([...pair, "--json"], layout)).output);
  matchesGolden(t, "comparison.md", (await compare([...pair, "--markdown"], layout)).output);
  t.is(await readFile(report ?? "", "utf8"), html);
  t.is((await compare(pair, layout)).output, output);
});

const four = {
  base: syntheticVariant,
  four: { ...syntheticVariant, threads: 4 },
  three: { ...syntheticVariant, threads: 3 },
  two: { ...syntheticVariant, threads: 2 },
};

test("a single operand compares the variants of its run, the first as the baseline", async (t) => {
  const layout = await emptyResults(t);
  const speeds: Record<string, number> = { base: 50, four: 80, three: 50, two: 45 };
  const rate = (variant: string) => speeds[variant] ?? 0;
  const plan = syntheticPlan({ variants: four, blocks: 10, primary: ["decode-rate", "end-to-end"] });
  await sealSynthetic(layout, "sweep", plan, { rate });
  for (const args of [["sweep"], ["sweep:*"], ["sweep:base", "sweep:four", "sweep:three", "sweep:two"]]) {
    const { sides, pairs, summaries, pareto } = await asJson(layout, args);
    t.deepEqual(
      sides.map(({ label }) => label),
      ["sweep:base", "sweep:four", "sweep:three", "sweep:two"],
    );
    t.deepEqual(
      pairs.map(({ decisions }) => decisions.map(({ metric, verdict, fewest }) => [metric, verdict, fewest])),
      [
        [
          ["decode-rate", "difference", 8],
          ["end-to-end", "difference", 8],
        ],
        [
          ["decode-rate", "equivalent", 8],
          ["end-to-end", "equivalent", 8],
        ],
        [
          ["decode-rate", "difference", 8],
          ["end-to-end", "difference", 8],
        ],
      ],
    );
    // The smallest p that ten pairs have, times six decisions.
    t.is(pairs[0]?.decisions[0]?.adjusted, (6 * 2) / 1024);
    t.is(summaries.length, 4);
    t.deepEqual(
      pareto.points.map(({ variant, onFront }) => [variant, onFront]),
      [
        ["base", false],
        ["four", true],
        ["three", false],
        ["two", false],
      ],
    );
  }
});

test("what is enough for one decision is too few for many", async (t) => {
  const layout = await emptyResults(t);
  const rate = (variant: string) => (variant === "base" ? 50 : 80);
  await sealSynthetic(layout, "sweep", syntheticPlan({ variants: four }), { rate });
  const { pairs } = await asJson(layout, ["sweep"]);
  for (const { decisions } of pairs) {
    t.deepEqual(
      decisions.map(({ verdict, p, adjusted, fewest }) => [verdict, p, adjusted, fewest]),
      [["too-few", null, null, 7]],
    );
    t.regex(decisions[0]?.sentence ?? "", /6 pairs of blocks, and 7 are the fewest/);
    t.not(decisions[0]?.effect.interval, null);
  }
  t.is((await asPair(layout, ["sweep:base", "sweep:four"])).primary.verdict, "difference");
});

test("quantiles and throughput are described, and the reference run takes their drift out too", async (t) => {
  const { scenarios } = await asPair(await twoStacks(t, 1.25));
  const details = new Map(scenarios[0]?.details.map(({ name, effect }) => [name, effect.ratio ?? NaN]));
  for (const latency of ["time-to-first-token", "inter-token", "end-to-end"])
    for (const quantile of ["p50", "p95", "p99"])
      t.true(Math.abs((details.get(`${latency}-${quantile}`) ?? NaN) - 0.8) < 0.05, `${latency}-${quantile}`);
  t.is(details.size, 10);
  t.true(details.has("throughput"));
});

test("the paper's figures stand beside the results in every output, with their source and what they are not", async (t) => {
  const layout = await emptyResults(t);
  const twin = { architecture: "x86_64", model: null, pageSize: 4096, cpus: 2, memoryMegabytes: 8059 };
  const options = { rate: () => 8, outputs: { facts: { "agent-1": twin, server: twin } as never } };
  await sealSynthetic(layout, "threads-1", slow(), { ...options, start: inTurn(0) });
  await sealSynthetic(layout, "threads-2", fast(), { ...options, start: inTurn(1), seed: 2 });
  t.is((await asJson(layout)).paper, null);
  const { paper } = await asJson(layout, [...pair, "--paper"]);
  t.deepEqual(
    paper?.anchors[0]?.measured.map(({ label, place }) => [label, place]),
    ["threads-1", "threads-1", "threads-2", "threads-2"].map((label) => [label, "within"]),
  );
  t.is(paper?.roofline.measured[0]?.predicted, null);
  const { output, report } = await compare([...pair, "--paper"], layout);
  const markdown = (await compare([...pair, "--paper", "--markdown"], layout)).output;
  for (const text of [output, markdown, await readFile(report ?? "", "utf8")]) {
    const flat = text.replaceAll(/\s+/g, " ");
    t.true(flat.includes("arxiv.org/abs/2411.17712"), flat);
    t.true(flat.includes("nothing here replicates it"), flat);
    t.true(flat.includes("not measured on a Raspberry Pi 5"), flat);
  }
  for (const line of output.split("\n")) t.true(line.length <= 100, line);
});

test("a condition that holds fails with a sentence; the comparison is told all the same", async (t) => {
  const layout = await twoStacks(t, 0.9);
  const { failures, output } = await compare([...pair, "--fail-if", "slower:5%", "--fail-if", "undecided"], layout);
  t.is(failures.length, 1);
  t.regex(
    failures[0] ?? "",
    /^threads-2 is slower by (9|10)(\.\d)? % in decode rate \(p = 0\.031\), and 5\.0 % is the limit$/,
  );
  t.regex(output, /Verdict: threads-2 is slower/);
  t.deepEqual((await compare([...pair, "--fail-if", "slower:20%"], layout)).failures, []);
});

test("long names keep the table within 100 columns", async (t) => {
  const layout = await emptyResults(t);
  const long = "a-very-long-name-that-goes-on-and-on-until-it-is-63-letters-long";
  const scenario: Scenario = {
    ...exampleScenario,
    ...{ prompts: "questions", warmup: 0, maxTokens: 32, load: { kind: "closed", users: 1, requests: 6 } },
  };
  const plan = slow({ scenarios: { [long]: scenario } });
  const labels = ["timeout", "refused", "truncated", "wrong-model", "overload"] as const;
  const failure = (_: string, block: number, request: number) => (request === 0 ? (labels[block] ?? null) : null);
  const rate = () => 1234.5;
  await sealSynthetic(layout, `${long}-a`, plan, { failure, rate, start: inTurn(0) });
  await sealSynthetic(layout, `${long}-b`, { ...plan, series: 2 }, { failure, rate: () => 0.05, start: inTurn(1) });
  const { output } = await compare([`${long}-a`, `${long}-b`], layout);
  for (const line of output.split("\n")) t.true(line.length <= 100, line);
});
