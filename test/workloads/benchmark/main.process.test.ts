import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { stateOf } from "../../../workloads/benchmark/lease.ts";
import { orderOf } from "../../../workloads/benchmark/order.ts";
import type { Plan, Scenario } from "../../../workloads/benchmark/plan.ts";
import type { JournalRecord, RequestRecord } from "../../../workloads/benchmark/record.ts";
import { runnerFiles } from "../../../workloads/benchmark/runner-files.ts";
import { exampleScenario, examplePlan, exampleVariant } from "../example-plan.ts";
import { certificate, fakeApiServer, FakeLease } from "./fake-lease.ts";
import { digest, stubOllama, tokens, type Answer } from "./stub-ollama.ts";

const scenario: Scenario = {
  ...exampleScenario,
  prompts: "three",
  maxTokens: 16,
  load: { kind: "closed", users: 1, requests: 2 },
};
const plan: Plan = {
  ...examplePlan(runnerFiles().digest),
  models: { gemma: { reference: "gemma3:270m", digest: `sha256:${digest}` } },
  variants: { one: { ...exampleVariant, threads: 1 }, two: exampleVariant },
  scenarios: { long: { ...scenario, maxTokens: 99 }, short: scenario },
  prompts: { three: ["What?", "Why?", "When?"] },
  blocks: 2,
  seed: 5,
};

/** A pod's world: the runner's files and plan.json as a ConfigMap mounts them, the service account, the results. */
async function pod(t: ExecutionContext, answer: Answer = tokens(3)) {
  const directory = mkdtempSync(join(tmpdir(), "runner-"));
  const lease = new FakeLease();
  const [api, ollama] = await Promise.all([fakeApiServer(lease, "token"), stubOllama(answer)]);
  t.teardown(() => {
    api.close();
    ollama.close();
    rmSync(directory, { recursive: true });
  });
  for (const name of ["runner", "account"]) mkdirSync(join(directory, name));
  for (const [name, text] of Object.entries({ ...runnerFiles().files, "plan.json": JSON.stringify(plan) }))
    writeFileSync(join(directory, "runner", name), text);
  writeFileSync(join(directory, "account", "ca.crt"), certificate);
  writeFileSync(join(directory, "account", "token"), "token");

  const start = (name = "benchmark-0-abcde") => {
    const child = spawn(process.execPath, ["main.ts"], {
      cwd: join(directory, "runner"),
      env: {
        KUBERNETES_SERVICE_HOST: "127.0.0.1",
        KUBERNETES_SERVICE_PORT: String(api.port),
        SERVICE_ACCOUNT: join(directory, "account"),
        PLAN: "plan.json",
        RUN_ID: "0123456789ab",
        JOB_COMPLETION_INDEX: "1",
        OLLAMA_URLS: JSON.stringify({ pi2: ollama.url.href }),
        PROBE_URLS: "{}",
        RESULTS: join(directory, "results"),
        NODE_NAME: "pi2",
        POD_NAMESPACE: "experiment",
        POD_NAME: name,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (output += part.toString()));
    t.teardown(() => child.kill("SIGKILL"));
    const ended = once(child, "close").then(([code]) => ({ code: code as number | null, output }));
    return { child, ended };
  };
  const journal = () =>
    readFileSync(join(directory, "results", "block-1.ndjson"), "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as JournalRecord);
  return { lease, ollama, start, journal };
}

const requestsOf = (records: JournalRecord[]) =>
  records.filter((record): record is RequestRecord => record.type === "request");
const order = orderOf(plan, 1).map(({ name }) => name);

test("a block runs in its order, is journalled whole, and frees the lease", async (t) => {
  const { lease, ollama, start, journal } = await pod(t);
  const { code, output } = await start().ended;
  t.is(code, 0, output);
  const records = journal();
  t.like(records[0], {
    type: "block-start",
    runId: "0123456789ab",
    block: 1,
    attempt: 1,
    order,
    node: "pi2",
    pod: "benchmark-0-abcde",
    ollamaVersion: "0.17.4",
  });
  t.is(records.at(-1)?.type, "block-end");
  t.deepEqual(
    records.flatMap((record) => (record.type === "run-end" ? `${record.variant}/${record.scenario}` : [])),
    order,
  );
  const requests = requestsOf(records);
  t.deepEqual(
    requests.map(({ request, prompt }) => [request, prompt]),
    order.flatMap(() => [
      [-1, 2],
      [0, 0],
      [1, 1],
    ]),
  );
  for (const one of requests) t.like(one, { outcome: "ok", tokensOut: 3, modelDigest: `sha256:${digest}` });
  const prompts = ollama.requests.map(({ prompt }) => prompt);
  t.is(new Set(prompts).size, prompts.length);
  for (const prompt of prompts) t.regex(prompt, /^\d{12} Wh/);
  t.deepEqual(lease.holders, ["experiment/benchmark-0-abcde"]);
  t.is(stateOf(lease.current).holder, null);
});

test("a killed runner's next attempt keeps the runs that ended and does the others", async (t) => {
  const { lease, ollama, start, journal } = await pod(t, tokens(3, 20));
  const first = start();
  while (ollama.requests.length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
  first.child.kill("SIGKILL");
  await first.ended;
  const before = journal();
  // The dead holder would be waited for half a minute: here somebody has removed it.
  await lease.update({ ...lease.current, spec: { holderIdentity: null } });
  const { code, output } = await start("benchmark-0-fghij").ended;
  t.is(code, 0, output);
  const after = journal();
  t.deepEqual(after.slice(0, before.length), before);
  t.like(after[before.length], { type: "block-start", attempt: 2, order });
  t.deepEqual(
    after.flatMap((record) =>
      record.type === "run-end" ? `${record.attempt} ${record.variant}/${record.scenario}` : [],
    ),
    order.map((name, index) => `${index === 0 ? 1 : 2} ${name}`),
  );
  t.is(after.at(-1)?.type, "block-end");

  const third = await start("benchmark-0-klmno").ended;
  t.is(third.code, 0, third.output);
  t.deepEqual(journal(), after);
});

test("SIGTERM ends at once, frees the lease and leaves a whole journal", async (t) => {
  const { lease, ollama, start, journal } = await pod(t, tokens(1_000, 10));
  const { child, ended } = start();
  while (ollama.requests.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill("SIGTERM");
  const { code, output } = await ended;
  t.is(code, 143, output);
  t.deepEqual(stateOf(lease.current), { holder: null, queue: [] });
  t.deepEqual(
    journal().map(({ type }) => type),
    ["block-start", "run-start"],
  );
});

test("another model than the locked one stops the block, and the Job is told not to try again", async (t) => {
  const { lease, ollama, start, journal } = await pod(t);
  ollama.digest = "c".repeat(64);
  const { code, output } = await start().ended;
  t.is(code, 3, output);
  t.regex(output, /gemma3:270m is sha256:cccc.*locked is sha256:bbbb/);
  const [request, ...others] = requestsOf(journal());
  t.like(request, { outcome: "wrong-model", modelDigest: `sha256:${ollama.digest}`, tokensOut: null });
  t.deepEqual(others, []);
  t.is(ollama.requests.length, 0);
  t.is(stateOf(lease.current).holder, null);
});

test("failed requests are records with a label, and the run goes on", async (t) => {
  const { start, journal } = await pod(t, (response) => void response.writeHead(500).end('{"error":"no memory"}'));
  const { code, output } = await start().ended;
  t.is(code, 0, output);
  const requests = requestsOf(journal());
  t.is(requests.length, 12);
  for (const one of requests)
    t.like(one, { outcome: "error", error: 'HTTP 500: {"error":"no memory"}', timeToFirstToken: null, endToEnd: null });
});
