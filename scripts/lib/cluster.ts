import { BatchV1Api, CoreV1Api, KubeConfig, type V1Job } from "@kubernetes/client-node";
import { connectionOf } from "../../workloads/benchmark/kubeconfig.ts";
import { leaseClient } from "../../workloads/benchmark/kubernetes-client.ts";
import type { LeaseClient } from "../../workloads/benchmark/lease.ts";

/** What scripts read of a site's cluster, and the one thing that they write: the measuring Lease. */
export interface Cluster {
  readJob(namespace: string, name: string): Promise<V1Job>;
  /** The last lines that a Job's newest pod wrote; nothing where there is no pod. */
  tailJob(namespace: string, name: string): Promise<string>;
  /** The Lease that lets one experiment measure at a time. */
  readonly measuringLease: LeaseClient;
}

export function openCluster(kubeconfig: string): Cluster {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  const batch = config.makeApiClient(BatchV1Api);
  const core = config.makeApiClient(CoreV1Api);
  return {
    readJob: (namespace, name) => batch.readNamespacedJob({ namespace, name }),
    async tailJob(namespace, name) {
      const { items } = await core.listNamespacedPod({ namespace, labelSelector: `job-name=${name}` });
      const born = (pod: (typeof items)[number]) => pod.metadata?.creationTimestamp?.getTime() ?? 0;
      const pod = items.toSorted((a, b) => born(b) - born(a))[0]?.metadata?.name;
      return pod === undefined ? "" : core.readNamespacedPodLog({ namespace, name: pod, tailLines: 20 });
    },
    measuringLease: leaseClient(connectionOf(kubeconfig), { namespace: "bramble", name: "measurement" }),
  };
}
