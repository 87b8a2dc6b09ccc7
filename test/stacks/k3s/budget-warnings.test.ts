import test from "ava";
import { findBudgetWarnings } from "../../../stacks/k3s/budget-warnings.ts";
import type { Kubectl } from "../../../stacks/nodes/measuring-lease.ts";

const budget = (name: string, status: object | undefined, selector: object = { matchLabels: { app: name } }) => ({
  metadata: { name, namespace: "field" },
  spec: { minAvailable: 1, selector },
  ...(status === undefined ? {} : { status }),
});

/** A cluster with these budgets, whose pods all run on one node; notes the selectors that it was asked for. */
function cluster(items: object[], node: string) {
  const asked: string[] = [];
  const kubectl: Kubectl = (args) => {
    asked.push(...args.filter((arg) => arg.startsWith("--selector=")).map((arg) => arg.slice("--selector=".length)));
    const stdout = args[1] === "poddisruptionbudgets" ? JSON.stringify({ items }) : node;
    return Promise.resolve({ code: 0, stdout, stderr: "" });
  };
  return { asked, kubectl };
}

test("a single replica under a budget is told of, with its node", async (t) => {
  const { kubectl } = cluster(
    [budget("model", { desiredHealthy: 1, expectedPods: 1, disruptionsAllowed: 0 })],
    "pi-4 pi-4",
  );
  t.deepEqual(await findBudgetWarnings(kubectl), [
    "pi-4 cannot be drained: the PodDisruptionBudget field/model keeps 1 of 1 pod; add a replica or widen it before the upgrade",
  ]);
});

test("a budget that lets one away, or that stands for no pod, is no trouble", async (t) => {
  // No disruption is allowed at the moment, since a pod is just starting: a drain waits for that.
  const starting = budget("two", { desiredHealthy: 1, expectedPods: 2, currentHealthy: 1, disruptionsAllowed: 0 });
  const { kubectl } = cluster(
    [starting, budget("none", { desiredHealthy: 0, expectedPods: 0 }), budget("new", undefined)],
    "pi-4",
  );
  t.deepEqual(await findBudgetWarnings(kubectl), []);
});

test("selectors are asked for in kubectl's words", async (t) => {
  const selector = {
    matchLabels: { app: "model" },
    matchExpressions: [
      { key: "tier", operator: "In", values: ["a", "b"] },
      { key: "old", operator: "NotIn", values: ["yes"] },
      { key: "model", operator: "Exists" },
      { key: "canary", operator: "DoesNotExist" },
    ],
  };
  const { asked, kubectl } = cluster([budget("model", { desiredHealthy: 2, expectedPods: 2 }, selector)], "");
  t.regex((await findBudgetWarnings(kubectl))[0] ?? "", /its pods' nodes cannot be drained.*2 of 2 pods/);
  t.deepEqual(asked, ["app=model,tier in (a,b),old notin (yes),model,!canary"]);
});

test("a cluster that does not answer is nobody's warning: the drain itself holds", async (t) => {
  t.deepEqual(await findBudgetWarnings(() => Promise.resolve({ code: 1, stdout: "", stderr: "refused" })), []);
});
