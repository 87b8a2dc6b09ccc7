import { serviceAccountDirectory } from "./kubernetes-client.ts";
import { canonicalJson, runIdOf, type Plan } from "./plan.ts";
import type { RunnerFiles } from "./runner-files.ts";

export interface BenchmarkArguments {
  readonly plan: Plan;
  /** The experiment's namespace. */
  readonly namespace: string;
  readonly runner: RunnerFiles;
  /** Where the pod reaches the Ollama server of each node that serves. */
  readonly ollamaUrls: Readonly<Record<string, string>>;
  /** Where it reaches each node's probe; empty where the site has none. */
  readonly probeUrls: Readonly<Record<string, string>>;
  /** Whether the measurement is paused: the block that goes on is interrupted, and goes on where it was when resumed. */
  readonly paused: boolean;
}

/** The directory on the runner's node that holds a run-id's journals. */
export function resultsDirectory(runId: string): string {
  return `/var/lib/bramble/results/${runId}`;
}

const mount = { runner: "/runner", results: "/results" } as const;

/** The service account of an experiment's benchmark, which the site lets take turns at measuring. */
export const benchmarkAccount = "benchmark";

/** Seconds between SIGTERM and SIGKILL: the runner needs one to give back the lease. */
const gracePeriod = 30;

/** The exit code by which main.ts says that no later attempt can do better. */
const hopeless = 3;

/**
 * The manifests of an experiment's benchmark: one index of the Job for each block, one after the other. Job and ConfigMap
 * carry the run-id in their names, so that a plan that changed is a new Job and an unchanged one never runs again.
 */
export function renderBenchmark({ plan, namespace, runner, ollamaUrls, probeUrls, paused }: BenchmarkArguments) {
  if (plan.runner !== runner.digest)
    throw new Error(`the plan was made for runner ${plan.runner}, not ${runner.digest}`);
  const runId = runIdOf(plan);
  const name = `benchmark-${runId}`;
  const labels = { "app.kubernetes.io/name": "benchmark", "bramble.dev/run-id": runId };

  const configMap = {
    apiVersion: "v1" as const,
    kind: "ConfigMap" as const,
    metadata: { name, namespace, labels },
    immutable: true,
    data: { ...runner.files, "plan.json": canonicalJson(plan) },
  };

  const job = {
    apiVersion: "batch/v1" as const,
    kind: "Job" as const,
    metadata: {
      name,
      namespace,
      labels,
      // A benchmark takes hours: `pulumi up` only starts it.
      annotations: { "pulumi.com/skipAwait": "true" },
    },
    spec: {
      suspend: paused,
      completionMode: "Indexed",
      completions: plan.blocks,
      parallelism: 1,
      // Attempts of a block, 10 s to 6 min apart: together about a quarter of an hour for Ollama to come back.
      backoffLimitPerIndex: 6,
      // Blocks that may be lost. Where more than a quarter is, the experiment itself is broken.
      maxFailedIndexes: Math.floor(plan.blocks / 4),
      // Two pods never write one journal.
      podReplacementPolicy: "Failed",
      podFailurePolicy: {
        rules: [
          { action: "FailIndex", onExitCodes: { containerName: "benchmark", operator: "In", values: [hopeless] } },
          // A drained or lost node is no failure of the block.
          { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
        ],
      },
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: "Never",
          serviceAccountName: benchmarkAccount,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: gracePeriod,
          nodeSelector: { "kubernetes.io/hostname": plan.nodes.runner },
          containers: [
            {
              name: "benchmark",
              image: plan.images.runner,
              imagePullPolicy: "IfNotPresent",
              workingDir: mount.runner,
              command: ["node", "main.ts"],
              env: [
                { name: "PLAN", value: `${mount.runner}/plan.json` },
                { name: "RUN_ID", value: runId },
                { name: "OLLAMA_URLS", value: canonicalJson(ollamaUrls) },
                { name: "PROBE_URLS", value: canonicalJson(probeUrls) },
                { name: "RESULTS", value: mount.results },
                { name: "SERVICE_ACCOUNT", value: serviceAccountDirectory },
                { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
                { name: "POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
                { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
                // JOB_COMPLETION_INDEX comes from the Job controller.
              ],
              resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
              // Root without any capability: it owns the results directory, which the kubelet makes for root.
              securityContext: {
                runAsUser: 0,
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ["ALL"] },
                seccompProfile: { type: "RuntimeDefault" },
              },
              volumeMounts: [
                { name: "runner", mountPath: mount.runner, readOnly: true },
                { name: "results", mountPath: mount.results },
              ],
            },
          ],
          volumes: [
            { name: "runner", configMap: { name } },
            { name: "results", hostPath: { path: resultsDirectory(runId), type: "DirectoryOrCreate" } },
          ],
        },
      },
    },
  };

  const account = {
    apiVersion: "v1" as const,
    kind: "ServiceAccount" as const,
    metadata: { name: benchmarkAccount, namespace },
  };
  return { configMap, job, serviceAccount: account };
}
