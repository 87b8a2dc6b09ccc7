import type { Cluster } from "./cluster.ts";
import type { KubernetesObject } from "./objects.ts";
import { at, identityOf, listAt, numberAt, textAt } from "./objects.ts";
import { findPodProblems, formatSelector } from "./pod-problems.ts";

/** Whether an object is what it should be, or what it lacks. */
export interface Readiness {
  ready: boolean;
  /** What is being waited for, in a line for people; empty when ready. */
  waitingFor: string;
  /** It will never be ready: there is nothing to wait for. */
  failed?: boolean;
}

const isReady: Readiness = { ready: true, waitingFor: "" };

type Check = (live: KubernetesObject, cluster: Cluster) => Readiness | Promise<Readiness>;

const checks: Record<string, Check> = {
  "apps/v1/DaemonSet": checkDaemonSet,
  "apps/v1/Deployment": checkDeployment,
  "batch/v1/Job": checkJob,
  "v1/PersistentVolume": checkPersistentVolume,
  "v1/PersistentVolumeClaim": checkPersistentVolumeClaim,
  "v1/Service": checkService,
};

/** Looks once. Kinds that nothing has to happen to are ready when they exist. */
export async function checkReadiness(live: KubernetesObject, cluster: Cluster): Promise<Readiness> {
  const { apiVersion, kind } = identityOf(live);
  const readiness = (await checks[`${apiVersion}/${kind}`]?.(live, cluster)) ?? isReady;
  const selector = formatSelector(at(live, "spec", "selector"));
  if (readiness.ready || selector === "" || kind === "Service") return readiness;
  // A hint only: one who may not list Pods still sees the rest.
  const [problem] = await findPodProblems(cluster, identityOf(live).namespace, selector).catch(() => []);
  return problem === undefined ? readiness : { ...readiness, waitingFor: `${readiness.waitingFor}; ${problem}` };
}

function waiting(waitingFor: string): Readiness {
  return { ready: false, waitingFor };
}

/** As `kubectl rollout status` decides. */
function checkDeployment(live: KubernetesObject): Readiness {
  if (!isObserved(live)) return waiting("the controller to see the new specification");
  const wanted = at(live, "spec", "replicas") === undefined ? 1 : numberAt(live, "spec", "replicas");
  const updated = numberAt(live, "status", "updatedReplicas");
  const all = numberAt(live, "status", "replicas");
  const available = numberAt(live, "status", "availableReplicas");
  if (updated < wanted) return waiting(`Pods of the new version (${updated} of ${wanted})`);
  if (all > updated) return waiting(`${all - updated} Pods of the old version to end`);
  if (available < updated) return waiting(`Pods to become available (${available} of ${updated})`);
  return isReady;
}

function checkDaemonSet(live: KubernetesObject): Readiness {
  if (textAt(live, "spec", "updateStrategy", "type") === "OnDelete") return isReady;
  if (!isObserved(live)) return waiting("the controller to see the new specification");
  const wanted = numberAt(live, "status", "desiredNumberScheduled");
  const updated = numberAt(live, "status", "updatedNumberScheduled");
  const available = numberAt(live, "status", "numberAvailable");
  if (updated < wanted) return waiting(`Pods of the new version (${updated} of ${wanted} nodes)`);
  if (available < wanted) return waiting(`Pods to become available (${available} of ${wanted} nodes)`);
  return isReady;
}

function isObserved(live: KubernetesObject): boolean {
  return numberAt(live, "status", "observedGeneration") >= numberAt(live, "metadata", "generation");
}

function checkJob(live: KubernetesObject): Readiness {
  const conditions = listAt(live, "status", "conditions");
  const holding = (type: string) =>
    conditions.find((condition) => textAt(condition, "type") === type && textAt(condition, "status") === "True");
  if (holding("Complete") !== undefined) return isReady;
  const failure = holding("Failed");
  if (failure !== undefined) {
    const why = `${textAt(failure, "reason")}: ${textAt(failure, "message")}`;
    return { ready: false, failed: true, waitingFor: `the Job, which has failed: ${why}` };
  }
  const done = numberAt(live, "status", "succeeded");
  return waiting(`the Job to complete (${done} of ${numberAt(live, "spec", "completions") || 1} completions)`);
}

async function checkService(live: KubernetesObject, cluster: Cluster): Promise<Readiness> {
  const type = textAt(live, "spec", "type");
  const headless = textAt(live, "spec", "clusterIP") === "None";
  if (type === "ExternalName" || headless || at(live, "spec", "selector") === undefined) return isReady;
  const { namespace, name } = identityOf(live);
  const slices = await cluster.list(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
    labelSelector: `kubernetes.io/service-name=${name}`,
  });
  const endpoints = slices.flatMap((slice) => listAt(slice, "endpoints"));
  if (!endpoints.some((endpoint) => at(endpoint, "conditions", "ready") !== false)) {
    return waiting(
      "a ready Pod to direct traffic to: the selected Pods may not be ready, or spec.selector matches none",
    );
  }
  if (type === "LoadBalancer" && listAt(live, "status", "loadBalancer", "ingress").length === 0) {
    return waiting("a load balancer's address");
  }
  return isReady;
}

function checkPersistentVolume(live: KubernetesObject): Readiness {
  const phase = textAt(live, "status", "phase");
  return phase === "Available" || phase === "Bound" ? isReady : waiting(`the volume to become available (${phase})`);
}

async function checkPersistentVolumeClaim(live: KubernetesObject, cluster: Cluster): Promise<Readiness> {
  if (textAt(live, "status", "phase") === "Bound") return isReady;
  // Such a claim is bound when a Pod uses it, which may be made after it.
  const storageClass = await cluster.find({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    namespace: "",
    name: textAt(live, "spec", "storageClassName"),
  });
  if (textAt(storageClass, "volumeBindingMode") === "WaitForFirstConsumer") return isReady;
  return waiting(`the claim to be bound (${textAt(live, "status", "phase")})`);
}
