import type { ServerSettings } from "../benchmark/plan.ts";
import type { DerivedModel } from "../ollama/derived-model.ts";
import { hexOf } from "../ollama/model-store.ts";
import { serverEnvironment } from "../ollama/server-settings.ts";
import { ollamaPort, type WeighedModel } from "../ollama/fetch-container.ts";
import { derivedFiles, modelContainers, variables } from "./model-containers.ts";
import { modelLabels, proxyLabels, servedModelName, servedReference } from "./names.ts";
import { asNobody, podDefaults } from "../pod-security.ts";

/** Where a model's pods run: one on each of these nodes, or so many on nodes that Kubernetes chooses, never two on one. */
export type Placement = { readonly nodes: readonly string[] } | { readonly count: number };

export interface ServingArguments {
  readonly namespace: string;
  /** The model's name for clients. */
  readonly label: string;
  readonly base: WeighedModel;
  /** What is served: made from the base, named by servedReference(label). */
  readonly derived: DerivedModel;
  readonly placement: Placement;
  readonly settings: ServerSettings;
  /** Ollama's, with a shell, flock and sha256sum. */
  readonly image: string;
  /** host:port of the site's registry (plain HTTP); undefined: the one that the reference names, by TLS. */
  readonly registry: string | undefined;
  /** Bytes of memory that the fit check counted for one server: weights, KV cache, prompt cache and overhead. */
  readonly memory: number;
}

/** Seconds that a server may take to be there: a model of some gigabytes comes over the site's link first. */
export const deadline = 7200;

/** What was counted is an estimate, and at its limit a server is killed in the middle of an answer. */
const headroom = 1.25;

const models = "/models";
const home = "/tmp";

export function replicasOf(placement: Placement): number {
  return "nodes" in placement ? placement.nodes.length : placement.count;
}

/** The manifests that serve one model: Ready means that a pod answers, and has the model by its derived digest. */
export function renderServing(given: ServingArguments) {
  const { namespace, label, base, derived, placement, settings, image, registry, memory } = given;
  if (derived.reference !== servedReference(label))
    throw new Error(`the model derived for ${label} is named ${derived.reference}, not ${servedReference(label)}`);
  const name = servedModelName(label);
  const labels = modelLabels(label);
  const filesName = `${name}-${hexOf(derived.digest).slice(0, 12)}`;
  const { initContainers, volumes } = modelContainers(base, derived, { image, registry });
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)}Mi`;

  const configMap = {
    apiVersion: "v1" as const,
    kind: "ConfigMap" as const,
    metadata: { name: filesName, namespace, labels },
    immutable: true,
    data: derivedFiles(derived),
  };

  const container = {
    name: "ollama",
    image,
    imagePullPolicy: "IfNotPresent",
    command: ["ollama", "serve"],
    env: [
      ...variables({
        HOME: home,
        OLLAMA_MODELS: models,
        OLLAMA_NOPRUNE: "1",
        // A request may name a model that answers in somebody's cloud: not from here.
        OLLAMA_NO_CLOUD: "1",
        OLLAMA_HOST: `0.0.0.0:${ollamaPort}`,
      }),
      ...serverEnvironment(settings),
    ],
    ports: [{ name: "http", containerPort: ollamaPort }],
    startupProbe: {
      exec: {
        command: ["sh", "-c", `ollama list | grep -q '[[:space:]]${hexOf(derived.digest).slice(0, 12)}[[:space:]]'`],
      },
      periodSeconds: 2,
      timeoutSeconds: 10,
      failureThreshold: 60,
    },
    readinessProbe: probe(5),
    // Slow is no reason: a board that computes answers late.
    livenessProbe: { ...probe(30), timeoutSeconds: 20, failureThreshold: 6 },
    // The proxy learns first that the pod goes, so that nobody is sent to it any more.
    lifecycle: { preStop: { sleep: { seconds: 15 } } },
    // No CPU limit: Ollama chooses its threads without looking at it, and crawls (ollama/ollama#17916).
    resources: {
      requests: { cpu: "500m", memory: mebibytes(memory) },
      limits: { memory: mebibytes(headroom * memory) },
    },
    securityContext: asNobody,
    volumeMounts: [
      { name: "served", mountPath: models, readOnly: true },
      { name: "home", mountPath: home },
    ],
  };

  const deployment = {
    apiVersion: "apps/v1" as const,
    kind: "Deployment" as const,
    metadata: { name, namespace, labels },
    spec: {
      replicas: replicasOf(placement),
      progressDeadlineSeconds: deadline,
      // Never two servers with a model each in one board's memory: the old one goes first, one board after the other.
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          ...podDefaults,
          terminationGracePeriodSeconds: 30,
          affinity: affinity(placement, labels),
          initContainers,
          containers: [container],
          volumes: [...volumes, { name: "derived", configMap: { name: filesName } }],
        },
      },
    },
  };

  // Headless: its name leads the proxy to each pod, so that it can choose the one that is free.
  const service = {
    apiVersion: "v1" as const,
    kind: "Service" as const,
    metadata: { name, namespace, labels },
    spec: {
      type: "ClusterIP",
      clusterIP: "None",
      selector: labels,
      ports: [{ name: "http", port: ollamaPort, targetPort: ollamaPort }],
    },
  };

  const networkPolicy = {
    apiVersion: "networking.k8s.io/v1" as const,
    kind: "NetworkPolicy" as const,
    metadata: { name, namespace, labels },
    spec: {
      podSelector: { matchLabels: labels },
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        { from: [{ podSelector: { matchLabels: proxyLabels } }], ports: [{ port: ollamaPort, protocol: "TCP" }] },
      ],
      // Names, and the registry by its port alone: a registry on a node is reached under the address of its pod.
      egress: [
        {
          ports: [
            { port: 53, protocol: "UDP" },
            { port: 53, protocol: "TCP" },
            { port: registryPort(registry), protocol: "TCP" },
          ],
        },
      ],
    },
  };
  return { configMap, deployment, service, networkPolicy };
}

function probe(periodSeconds: number) {
  return { httpGet: { path: "/api/version", port: ollamaPort }, periodSeconds, timeoutSeconds: 5 };
}

function affinity(placement: Placement, labels: Readonly<Record<string, string>>) {
  const hostname = "kubernetes.io/hostname";
  const apart = {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { labelSelector: { matchLabels: labels }, topologyKey: hostname },
      ],
    },
  };
  if ("count" in placement) return apart;
  const matchExpressions = [{ key: hostname, operator: "In", values: [...placement.nodes] }];
  return {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } },
    ...apart,
  };
}

/** Where a model is pulled from: host:port, or TLS's port. */
function registryPort(registry: string | undefined): number {
  if (registry === undefined) return 443;
  const port = Number(/:(\d{1,5})$/.exec(registry)?.[1]);
  if (!(port >= 1 && port <= 65535)) throw new Error(`${registry} is no host:port of a registry`);
  return port;
}
