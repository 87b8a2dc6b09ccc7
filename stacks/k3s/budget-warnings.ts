import { z } from "zod";
import type { Kubectl } from "../nodes/measuring-lease.ts";

const budgetsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), namespace: z.string() }),
      spec: z.object({
        selector: z
          .object({
            matchLabels: z.record(z.string(), z.string()).optional(),
            matchExpressions: z
              .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).optional() }))
              .optional(),
          })
          .optional(),
      }),
      status: z.object({ desiredHealthy: z.number().default(0), expectedPods: z.number().default(0) }).prefault({}),
    }),
  ),
});
type Budget = z.infer<typeof budgetsSchema>["items"][number];

/**
 * What PodDisruptionBudgets will never let be drained, one line each: those that ask for as many pods as there are. Best effort,
 * since the drain itself holds them in any case.
 */
export async function findBudgetWarnings(kubectl: Kubectl): Promise<string[]> {
  const { code, stdout } = await kubectl(["get", "poddisruptionbudgets", "--all-namespaces", "--output=json"]);
  if (code !== 0) return [];
  const blocking = budgetsSchema.parse(JSON.parse(stdout)).items.filter(letsNoneAway);
  return await Promise.all(
    blocking.map(async (budget) => {
      const { name, namespace } = budget.metadata;
      const nodes = await nodesOf(kubectl, budget);
      const where = nodes.length === 0 ? "its pods' nodes" : nodes.join(" and ");
      const { expectedPods, desiredHealthy } = budget.status;
      return `${where} cannot be drained: the PodDisruptionBudget ${namespace}/${name} keeps ${desiredHealthy} of ${expectedPods} ${expectedPods === 1 ? "pod" : "pods"}; add a replica or widen it before the upgrade`;
    }),
  );
}

function letsNoneAway({ status: { desiredHealthy, expectedPods } }: Budget): boolean {
  return expectedPods > 0 && desiredHealthy >= expectedPods;
}

async function nodesOf(kubectl: Kubectl, { metadata, spec }: Budget): Promise<string[]> {
  const { code, stdout } = await kubectl([
    ...["get", "pods", `--namespace=${metadata.namespace}`, `--selector=${renderSelector(spec.selector)}`],
    "--output=jsonpath={.items[*].spec.nodeName}",
  ]);
  return code === 0 ? [...new Set(stdout.split(/\s+/).filter((node) => node !== ""))].sort() : [];
}

/** A label selector as kubectl takes it (kubernetes.io, Labels and Selectors). */
function renderSelector(selector: Budget["spec"]["selector"]): string {
  const equal = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const others = (selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    if (operator === "Exists") return key;
    if (operator === "DoesNotExist") return `!${key}`;
    return `${key} ${operator === "In" ? "in" : "notin"} (${values.join(",")})`;
  });
  return [...equal, ...others].join(",");
}
