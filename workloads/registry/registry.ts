import { createHash } from "node:crypto";
import { renderNginxConfig } from "./nginx-config.ts";
import { renderRegistryConfig } from "./registry-config.ts";

export interface RegistryArguments {
  readonly namespace: string;
  readonly images: {
    /** distribution's registry, 2.8 or 3: `registry serve <file>` */
    readonly registry: string;
    readonly nginx: string;
  };
  /** The node that holds the store and answers on its own address. */
  readonly node: string;
  /** The store's directory on that node. */
  readonly path: string;
  /** The node's port. */
  readonly port: number;
  /** Addresses or ranges that may push; with none the registry only gives. */
  readonly writers: readonly string[];
  /** URL of a registry that this one is a copy of, filled as things are asked for; null: it holds what was laid into it. */
  readonly upstream: string | null;
}

/** Where a site's registry lies on its node. */
export const registryStore = "/var/lib/bramble/registry";

const name = "registry";
const configDirectory = "/etc/bramble";
const storage = "/registry";
const scratch = "/tmp";
const user = 65534;
/** Where the registry itself listens: inside the pod, for nginx alone. */
const backend = "127.0.0.1:5001";

/**
 * The manifests of a site's own registry, for models and images: distribution's registry, and nginx before it in the same pod.
 * One node has it, since its store is a directory there; it is reached at that node's address, by containerd and Ollama alike.
 */
export function renderRegistry({ namespace, images, node, path, port, writers, upstream }: RegistryArguments) {
  const labels = { "app.kubernetes.io/name": name };
  const files = {
    "nginx.conf": renderNginxConfig({ listen: String(port), backend, directory: scratch, writers }),
    "registry.json": renderRegistryConfig({ address: backend, storage, writable: writers.length > 0, upstream }),
  };
  const digest = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 12);
  const security = {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
    seccompProfile: { type: "RuntimeDefault" },
  };
  const configMount = { name: "config", mountPath: configDirectory, readOnly: true };
  const scratchMount = { name: "scratch", mountPath: scratch };
  const ready = { httpGet: { path: "/v2/", port }, periodSeconds: 5, timeoutSeconds: 5 };

  const configMap = {
    apiVersion: "v1" as const,
    kind: "ConfigMap" as const,
    metadata: { name: `${name}-${digest}`, namespace, labels },
    immutable: true,
    data: files,
  };

  const deployment = {
    apiVersion: "apps/v1" as const,
    kind: "Deployment" as const,
    metadata: { name, namespace, labels },
    spec: {
      replicas: 1,
      // Two never write to one store, nor have one port of a node.
      strategy: { type: "Recreate" },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          enableServiceLinks: false,
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 30,
          nodeSelector: { "kubernetes.io/hostname": node },
          containers: [
            {
              name: "registry",
              image: images.registry,
              imagePullPolicy: "IfNotPresent",
              command: ["registry", "serve", `${configDirectory}/registry.json`],
              // Version 3 sends traces to the pod itself where nothing is said, and logs that nobody takes them.
              env: [{ name: "OTEL_TRACES_EXPORTER", value: "none" }],
              resources: { requests: { cpu: "20m", memory: "64Mi" }, limits: { memory: "256Mi" } },
              // Root without any capability: it owns the store, which the kubelet makes for root.
              securityContext: { ...security, runAsUser: 0 },
              volumeMounts: [configMount, { name: "store", mountPath: storage }, scratchMount],
            },
            {
              name: "nginx",
              image: images.nginx,
              imagePullPolicy: "IfNotPresent",
              command: ["nginx", "-p", scratch, "-c", `${configDirectory}/nginx.conf`, "-e", "stderr"],
              ports: [{ name: "http", containerPort: port, hostPort: port }],
              // Through both servers: one without the other is of no use.
              readinessProbe: ready,
              livenessProbe: { ...ready, periodSeconds: 30, timeoutSeconds: 20, failureThreshold: 6 },
              resources: { requests: { cpu: "20m", memory: "16Mi" }, limits: { memory: "64Mi" } },
              securityContext: { ...security, runAsUser: user, runAsGroup: user, runAsNonRoot: true },
              volumeMounts: [configMount, scratchMount],
            },
          ],
          volumes: [
            { name: "config", configMap: { name: configMap.metadata.name } },
            { name: "store", hostPath: { path, type: "DirectoryOrCreate" } },
            { name: "scratch", emptyDir: {} },
          ],
        },
      },
    },
  };

  const service = {
    apiVersion: "v1" as const,
    kind: "Service" as const,
    metadata: { name, namespace, labels },
    spec: { type: "ClusterIP", selector: labels, ports: [{ name: "http", port, targetPort: port }] },
  };
  return { configMap, deployment, service };
}
