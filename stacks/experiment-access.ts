import { measurementLease } from "../workloads/benchmark/lease.ts";
import { benchmarkAccount } from "../workloads/benchmark/job.ts";

/** The user that an experiment's client certificate names. */
export function experimentUser(experiment: string): string {
  return `bramble:experiment:${experiment}`;
}

/** No `*`: it would hold `impersonate` for service accounts, and whatever a later Kubernetes adds. */
const write = ["get", "list", "watch", "create", "update", "patch", "delete"];
const read = ["get", "list", "watch"];

/**
 * What an experiment brings about in its namespace, and what people and Pulumi read of that: while it waits for a Deployment or a
 * Service, Pulumi watches what stands in the second half (pulumi/pulumi-kubernetes, provider/pkg/await; a newer one watches slices
 * instead of Endpoints).
 */
const rules = [
  { apiGroups: ["apps"], resources: ["deployments"], verbs: write },
  { apiGroups: ["batch"], resources: ["jobs"], verbs: write },
  { apiGroups: [""], resources: ["services", "configmaps", "serviceaccounts"], verbs: write },
  { apiGroups: ["apps"], resources: ["replicasets"], verbs: read },
  {
    apiGroups: [""],
    resources: ["pods", "pods/log", "events", "endpoints", "persistentvolumeclaims"],
    verbs: read,
  },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: read },
];

/** Taking one's turn at measuring: the Lease is there already, so nobody may make one, nor see those that upgrades hold. */
export const turnRules = [
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    resourceNames: [measurementLease.name],
    verbs: ["get", "update"],
  },
];

/**
 * What a site makes for one of its experiments: a namespace, and rights in that alone, for the experiment's stack and, to take
 * turns at measuring, for its benchmark. The experiment knows no credentials but these.
 */
export function renderExperimentAccess(experiment: string) {
  const apiGroup = "rbac.authorization.k8s.io";
  const user = { kind: "User", apiGroup, name: experimentUser(experiment) };
  return {
    namespace: { metadata: { name: experiment } },
    role: { metadata: { name: "experiment", namespace: experiment }, rules },
    binding: {
      metadata: { name: "experiment", namespace: experiment },
      roleRef: { apiGroup, kind: "Role", name: "experiment" },
      subjects: [user],
    },
    turns: {
      metadata: { name: `experiment-${experiment}`, namespace: measurementLease.namespace },
      roleRef: { apiGroup, kind: "Role", name: measurementLease.name },
      subjects: [user, { kind: "ServiceAccount", name: benchmarkAccount, namespace: experiment }],
    },
  };
}
