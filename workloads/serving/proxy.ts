import { createHash } from "node:crypto";
import { dirname } from "node:path/posix";
import { apiKeysFile, renderApiClients, type ApiClients } from "./api-keys.ts";
import { ollamaPort } from "../ollama/fetch-container.ts";
import { proxyLabels, servedModelName } from "./names.ts";
import { answerTimeout, podAddresses, proxyPorts, renderProxyConfig } from "./proxy-config.ts";
import { asNobody, podDefaults } from "../pod-security.ts";

export interface ProxyArguments {
  readonly namespace: string;
  /** HAProxy's, 2.5 or newer, with a shell. */
  readonly image: string;
  /** By label: its pods, and what each takes at once; see ProxiedModel. */
  readonly models: Readonly<
    Record<string, { readonly replicas: number; readonly parallel: number; readonly queue: number }>
  >;
  readonly defaultModel: string;
  readonly clients: ApiClients;
  /** Proxies, on nodes of their own where there are enough. Each counts and queues for itself. */
  readonly replicas: number;
  /** The port of every node where clients ask: 30000 to 32767. */
  readonly nodePort: number;
  /** cluster.local where the site has not chosen another one. */
  readonly clusterDomain: string;
}

const name = "model-proxy";
const configDirectory = "/etc/bramble";

/**
 * The manifests of the one way in for clients: HAProxy with API keys before all models. It is reached at a NodePort, not at a
 * hostPort: every node answers on it, so that clients need not know where the proxy runs, and the loss of that node only
 * takes it until it stands elsewhere. ConfigMap and Secret are named by what is in them: a change is a rolling change.
 */
export function renderProxy(given: ProxyArguments) {
  const { namespace, image, models, defaultModel, clients, replicas, nodePort, clusterDomain } = given;
  const config = renderProxyConfig({
    models: Object.fromEntries(
      Object.entries(models).map(([label, model]) => [
        label,
        { ...model, host: `${servedModelName(label)}.${namespace}.svc.${clusterDomain}`, port: ollamaPort },
      ]),
    ),
    defaultModel,
    ...podAddresses,
  });
  const map = renderApiClients(clients);
  const labels = proxyLabels;

  const configMap = {
    apiVersion: "v1" as const,
    kind: "ConfigMap" as const,
    metadata: { name: `${name}-${shortDigest(config)}`, namespace, labels },
    immutable: true,
    data: { "haproxy.cfg": config },
  };
  const secret = {
    apiVersion: "v1" as const,
    kind: "Secret" as const,
    metadata: { name: `${name}-${shortDigest(map)}`, namespace, labels },
    type: "Opaque",
    immutable: true,
    stringData: { [apiKeysFile.slice(dirname(apiKeysFile).length + 1)]: map },
  };

  const ready = { httpGet: { path: "/healthz", port: proxyPorts.api }, periodSeconds: 5, timeoutSeconds: 5 };
  const deployment = {
    apiVersion: "apps/v1" as const,
    kind: "Deployment" as const,
    metadata: { name, namespace, labels },
    spec: {
      replicas,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: labels },
      template: {
        metadata: {
          labels,
          annotations: {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": String(proxyPorts.metrics),
            "prometheus.io/path": "/metrics",
          },
        },
        spec: {
          ...podDefaults,
          // An answer that was begun is finished.
          terminationGracePeriodSeconds: answerTimeout + 60,
          // A lost node's proxy stands elsewhere within a minute and a half, not after Kubernetes's five.
          tolerations: ["not-ready", "unreachable"].map((condition) => ({
            key: `node.kubernetes.io/${condition}`,
            operator: "Exists",
            effect: "NoExecute",
            tolerationSeconds: 30,
          })),
          affinity: {
            podAntiAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [
                {
                  weight: 100,
                  podAffinityTerm: { labelSelector: { matchLabels: labels }, topologyKey: "kubernetes.io/hostname" },
                },
              ],
            },
          },
          containers: [
            {
              name: "haproxy",
              image,
              imagePullPolicy: "IfNotPresent",
              command: ["haproxy", "-db", "-f", `${configDirectory}/haproxy.cfg`],
              ports: [
                { name: "api", containerPort: proxyPorts.api },
                { name: "metrics", containerPort: proxyPorts.metrics },
              ],
              readinessProbe: ready,
              livenessProbe: { ...ready, periodSeconds: 20, failureThreshold: 3 },
              // USR1 lets it finish what it has begun; it ends the sleep by ending. First the nodes stop sending here.
              lifecycle: {
                preStop: { exec: { command: ["sh", "-c", `sleep 5; kill -USR1 1; sleep ${answerTimeout + 30}`] } },
              },
              resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "128Mi" } },
              securityContext: asNobody,
              volumeMounts: [
                { name: "config", mountPath: configDirectory, readOnly: true },
                { name: "keys", mountPath: dirname(apiKeysFile), readOnly: true },
              ],
            },
          ],
          volumes: [
            { name: "config", configMap: { name: configMap.metadata.name } },
            { name: "keys", secret: { secretName: secret.metadata.name } },
          ],
        },
      },
    },
  };

  const service = {
    apiVersion: "v1" as const,
    kind: "Service" as const,
    metadata: { name, namespace, labels },
    spec: {
      type: "NodePort",
      selector: labels,
      ports: [{ name: "api", port: 80, targetPort: proxyPorts.api, nodePort }],
    },
  };
  // Metrics need no key, so that they are for what runs in the cluster, not for the network around it.
  const metricsService = {
    apiVersion: "v1" as const,
    kind: "Service" as const,
    metadata: { name: `${name}-metrics`, namespace, labels },
    spec: {
      type: "ClusterIP",
      clusterIP: "None",
      selector: labels,
      ports: [{ name: "metrics", port: proxyPorts.metrics, targetPort: proxyPorts.metrics }],
    },
  };

  const networkPolicy = {
    apiVersion: "networking.k8s.io/v1" as const,
    kind: "NetworkPolicy" as const,
    metadata: { name, namespace, labels },
    spec: {
      podSelector: { matchLabels: labels },
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ ports: Object.values(proxyPorts).map((port) => ({ port, protocol: "TCP" })) }],
      egress: [
        {
          ports: [
            { port: 53, protocol: "UDP" },
            { port: 53, protocol: "TCP" },
          ],
        },
        {
          to: [{ podSelector: { matchLabels: { "app.kubernetes.io/name": "served-model" } } }],
          ports: [{ port: ollamaPort, protocol: "TCP" }],
        },
      ],
    },
  };
  return { configMap, secret, deployment, service, metricsService, networkPolicy };
}

function shortDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
