import { formatDuration } from "../../../stacks/cards/duration.ts";
import type { ClusterPod } from "./cluster.ts";
import type { Finding } from "./finding.ts";
import type { Seen } from "./seen.ts";

/** Reasons of the kubelet's that do not go by themselves (kubernetes.io, debug pods). */
const stuckReasons = new Set([
  ..."CrashLoopBackOff ImagePullBackOff ErrImagePull ErrImageNeverPull InvalidImageName".split(" "),
  ..."CreateContainerConfigError CreateContainerError RunContainerError".split(" "),
]);
/** Seconds that a pod may take to start, and to end after it was told to. */
const [startSeconds, endSeconds] = [300, 300];
/** Pods that are named; more are counted. */
const named = 3;
/** What a cluster does not work without. */
const vital = new Set(["kube-system", "bramble"]);

/** Pods that neither run nor will, by namespace and reason. */
export function podFindings({ cluster, now }: Pick<Seen, "cluster" | "now">): Finding[] {
  const stuck = Map.groupBy(
    (cluster?.pods ?? []).flatMap((pod) => {
      const reason = stuckReason(pod, now);
      return reason === undefined ? [] : [{ pod, ...reason }];
    }),
    ({ pod, reason }) => `${pod.metadata.namespace} ${reason}`,
  );
  return [...stuck.values()].flatMap((pods): Finding[] => {
    const [first] = pods;
    if (first === undefined) return [];
    const { namespace } = first.pod.metadata;
    const names = pods.slice(0, named).map(({ pod }) => pod.metadata.name);
    const more = pods.length > named ? `, ${pods.length - named} more` : "";
    const detail = first.detail === "" ? "" : `: ${first.detail}`;
    return [
      {
        severity: vital.has(namespace) ? "wrong" : "warning",
        where: "cluster",
        what: `${namespace}: ${pods.length} ${pods.length === 1 ? "pod is" : "pods are"} stuck, ${first.reason} (${names.join(", ")}${more})${detail}`,
        next: nextFor(first.reason, namespace, names[0] ?? "", cluster?.through ?? "a server"),
      },
    ];
  });
}

function stuckReason({ metadata, status }: ClusterPod, now: Date): { reason: string; detail: string } | undefined {
  const since = (time: string | undefined) =>
    time === undefined ? 0 : (now.getTime() - new Date(time).getTime()) / 1000;
  if (metadata.deletionTimestamp !== undefined) {
    const late = since(metadata.deletionTimestamp);
    return late > endSeconds ? { reason: "Terminating", detail: `for ${formatDuration(late)}` } : undefined;
  }
  if (status.phase === "Succeeded" || status.phase === "Failed") return undefined;
  const waiting = [...status.initContainerStatuses, ...status.containerStatuses].map(
    ({ state }) => state.waiting?.reason ?? "",
  );
  const reason = waiting.find((one) => stuckReasons.has(one));
  if (reason !== undefined) return { reason, detail: "" };
  const age = since(metadata.creationTimestamp);
  if (status.phase !== "Pending" || age <= startSeconds) return undefined;
  const scheduled = status.conditions.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False")
    return { reason: scheduled.reason ?? "Unschedulable", detail: scheduled.message ?? "" };
  return { reason: waiting.find((one) => one !== "") ?? "Pending", detail: `for ${formatDuration(age)}` };
}

function nextFor(reason: string, namespace: string, pod: string, through: string): string {
  const kubectl = (verb: string) => `k3s kubectl ${verb} ${pod} --namespace ${namespace}, on ${through}`;
  if (reason === "CrashLoopBackOff") return `see why it ends: ${kubectl("logs --previous")}`;
  if (reason.includes("Image"))
    return "see whether its node has the image (bramble:site.images) or reaches its registry (k3s.registries)";
  if (reason === "Terminating") return "its node is away, or its containers do not end: see the node";
  return `see what it waits for: ${kubectl("describe pod")}`;
}
