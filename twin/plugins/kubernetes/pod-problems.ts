import type { PropertyValue } from "../property-values.ts";
import { isMap } from "../property-values.ts";
import type { Cluster } from "./cluster.ts";
import type { KubernetesObject } from "./objects.ts";
import { at, listAt, numberAt, textAt, textsAt } from "./objects.ts";

/** A label selector in the form of a query: `app=web,tier in (a,b)`. */
export function formatSelector(selector: PropertyValue | undefined): string {
  const labels = at(selector, "matchLabels");
  const equalities = isMap(labels) ? Object.keys(labels).map((name) => `${name}=${textAt(labels, name)}`) : [];
  const expressions = listAt(selector, "matchExpressions").map((expression) => {
    const key = textAt(expression, "key");
    const values = textsAt(expression, "values").join(",");
    switch (textAt(expression, "operator")) {
      case "In":
        return `${key} in (${values})`;
      case "NotIn":
        return `${key} notin (${values})`;
      case "DoesNotExist":
        return `!${key}`;
      default:
        return key;
    }
  });
  return [...equalities, ...expressions].join(",");
}

/** What keeps the selected Pods from running: a line for each, none for those that are fine. */
export async function findPodProblems(cluster: Cluster, namespace: string, labelSelector: string): Promise<string[]> {
  const pods = await cluster.list(`/api/v1/namespaces/${namespace}/pods`, { labelSelector });
  return pods.flatMap((pod) => {
    const problem = findProblem(pod);
    return problem === "" ? [] : [`Pod ${textAt(pod, "metadata", "name")}: ${problem}`];
  });
}

/** The newest warnings about the objects of these names, oldest first. */
export async function findWarnings(cluster: Cluster, namespace: string, names: string[]): Promise<string[]> {
  const events = await cluster.list(`/api/v1/namespaces/${namespace}/events`, { fieldSelector: "type=Warning" });
  return events
    .filter((event) => names.some((name) => isAbout(textAt(event, "involvedObject", "name"), name)))
    .sort((left, right) => (time(left) < time(right) ? -1 : 1))
    .slice(-5)
    .map(
      (event) => `${textAt(event, "involvedObject", "name")}: ${textAt(event, "reason")}: ${textAt(event, "message")}`,
    );
}

/** What a controller makes is named after it: web, web-7d9c, web-7d9c-x2x4z. */
function isAbout(object: string, name: string): boolean {
  return object === name || object.startsWith(`${name}-`);
}

function time(event: KubernetesObject): string {
  return textAt(event, "lastTimestamp") || textAt(event, "eventTime");
}

function findProblem(pod: KubernetesObject): string {
  const conditions = listAt(pod, "status", "conditions");
  const unscheduled = conditions.find((condition) => textAt(condition, "reason") === "Unschedulable");
  if (unscheduled !== undefined) return `cannot be scheduled: ${textAt(unscheduled, "message")}`;
  const statuses = ["initContainerStatuses", "containerStatuses"].flatMap((name) => listAt(pod, "status", name));
  return statuses.map(findContainerProblem).find((problem) => problem !== "") ?? "";
}

function findContainerProblem(status: PropertyValue): string {
  const name = textAt(status, "name");
  const waiting = textAt(status, "state", "waiting", "reason");
  if (waiting !== "" && waiting !== "ContainerCreating" && waiting !== "PodInitializing") {
    return [`container ${name} is waiting: ${waiting}`, textAt(status, "state", "waiting", "message")]
      .filter((part) => part !== "")
      .join(": ");
  }
  const code = numberAt(status, "state", "terminated", "exitCode");
  return code === 0 ? "" : `container ${name} ended with exit code ${code}`;
}
