import type { types } from "@pulumi/kubernetes";
import test from "ava";
import { stringify } from "yaml";
import { renderBenchmark } from "../../../workloads/benchmark/job.ts";
import { canonicalJson, runIdOf } from "../../../workloads/benchmark/plan.ts";
import { runnerFiles } from "../../../workloads/benchmark/runner-files.ts";
import { ollamaUrl } from "../../../workloads/ollama/server.ts";
import { matchesGolden } from "../../golden.ts";
import { examplePlan } from "../example-plan.ts";

const runner = { files: { "main.ts": "// the runner\n", "package.json": "{}\n" }, digest: "d".repeat(64) };
const plan = examplePlan(runner.digest);
const places = {
  ollamaUrls: { pi2: ollamaUrl("pi2") },
  probeUrls: { pi2: "http://192.168.7.12:9101" },
  paused: false,
};
const render = () => renderBenchmark({ plan, namespace: "threads-2", runner, ...places });

test("the manifests are as they were", (t) => {
  const { serviceAccount, configMap, job } = render();
  const documents = [serviceAccount, configMap, job].map((manifest) =>
    stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false }),
  );
  matchesGolden(t, "workloads/benchmark.yaml", documents.join("---\n"));
});

test("Job and ConfigMap are named by the run-id, and the pod reads the plan whole", (t) => {
  const { job, configMap } = render();
  const name = `benchmark-${runIdOf(plan)}`;
  t.is(job.metadata.name, name);
  t.is(configMap.metadata.name, name);
  t.is((configMap.data as Record<string, string>)["plan.json"], canonicalJson(plan));
  t.is(job.spec.completions, plan.blocks);
});

test("a paused benchmark's pod is stopped, and nothing else changes, so that it goes on where it was", (t) => {
  const { job } = renderBenchmark({ plan, namespace: "threads-2", runner, ...places, paused: true });
  t.deepEqual(job, { ...render().job, spec: { ...render().job.spec, suspend: true } });
});

test("the real runner and prompt-sized plans fit into a ConfigMap", (t) => {
  const real = runnerFiles();
  const prompts = Object.fromEntries(
    ["field-report", "network-operations"].map((name) => [name, Array<string>(50).fill("x".repeat(500))]),
  );
  const { configMap } = renderBenchmark({
    plan: { ...examplePlan(real.digest), prompts },
    namespace: "n",
    runner: real,
    ...places,
  });
  t.true(JSON.stringify(configMap).length < 2 ** 20 / 2);
});

test("a plan for another runner is refused", (t) => {
  t.throws(() => renderBenchmark({ plan: examplePlan("e".repeat(64)), namespace: "n", runner, ...places }), {
    message: /the plan was made for runner eeee/,
  });
});

test("Pulumi's types take the manifests as they are", (t) => {
  const { serviceAccount, configMap, job } = render();
  const taken: [types.input.core.v1.ServiceAccount, types.input.core.v1.ConfigMap, types.input.batch.v1.Job] = [
    serviceAccount,
    configMap,
    job,
  ];
  t.is(taken.length, 3);
});
