import { readFileSync } from "node:fs";
import { join } from "node:path";
import { modelName } from "./model-name.ts";

export interface OllamaArguments {
  /** The experiment's namespace. */
  readonly namespace: string;
  readonly model: { readonly reference: string; /** sha256:<hex> of its manifest */ readonly digest: string };
  readonly image: string;
  /** The node that serves. */
  readonly node: string;
  /** host:port of the site's model registry (plain HTTP); undefined: the one that the reference names. */
  readonly registry: string | undefined;
  /** Memory limit of the server, as Kubernetes writes it. */
  readonly memory: string;
}

const name = "ollama";
const port = 11434;
const models = "/models";
const home = "/tmp";
const user = 65534;

/** Where the server answers, for pods of the same namespace. */
export const ollamaUrl = `http://${name}:${port}`;

/**
 * The directory on a node that holds a model. One for each digest: experiments with the same model share it, and one
 * that locks another model under the same name does not change theirs.
 */
export function modelDirectory(digest: string): string {
  return `/var/lib/bramble/models/${hexOf(digest)}`;
}

/** The manifests of an experiment's Ollama server: Ready means that it answers and has the locked model. */
export function renderOllama({ namespace, model, image, node, registry, memory }: OllamaArguments) {
  const { full, manifest, source } = modelName(model.reference, registry);
  const digest = hexOf(model.digest);
  const labels = { "app.kubernetes.io/name": name };

  const environment = [
    { name: "HOME", value: home },
    { name: "OLLAMA_MODELS", value: models },
    { name: "OLLAMA_NOPRUNE", value: "1" },
  ];
  const container = {
    image,
    imagePullPolicy: "IfNotPresent",
    volumeMounts: [
      { name: "models", mountPath: models },
      { name: "home", mountPath: home },
    ],
  };
  const security = {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
    seccompProfile: { type: "RuntimeDefault" },
  };

  const deployment = {
    apiVersion: "apps/v1" as const,
    kind: "Deployment" as const,
    metadata: { name, namespace, labels },
    spec: {
      replicas: 1,
      // Never two servers with a model each in one board's memory.
      strategy: { type: "Recreate" },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          enableServiceLinks: false,
          automountServiceAccountToken: false,
          terminationGracePeriodSeconds: 10,
          nodeSelector: { "kubernetes.io/hostname": node },
          initContainers: [
            {
              ...container,
              name: "fetch-model",
              command: ["sh", "-c", fetchModel()],
              env: [
                ...environment,
                { name: "OLLAMA_HOST", value: `127.0.0.1:${port}` },
                { name: "REFERENCE", value: full },
                { name: "SOURCE", value: source },
                { name: "DIGEST", value: digest },
                { name: "MANIFEST", value: manifest },
                { name: "INSECURE", value: registry === undefined ? "" : "--insecure" },
              ],
              resources: { requests: { memory: "128Mi" }, limits: { memory } },
              // Root without any capability: it owns the directory, which the kubelet makes for root.
              securityContext: { ...security, runAsUser: 0 },
            },
          ],
          containers: [
            {
              ...container,
              name,
              command: ["ollama", "serve"],
              env: [
                ...environment,
                { name: "OLLAMA_HOST", value: `0.0.0.0:${port}` },
                { name: "OLLAMA_KEEP_ALIVE", value: "-1" },
                { name: "OLLAMA_NUM_PARALLEL", value: "1" },
                { name: "OLLAMA_MAX_LOADED_MODELS", value: "1" },
              ],
              ports: [{ name: "http", containerPort: port }],
              // Once: an `ollama list` every few seconds would take its share of what is measured.
              startupProbe: {
                exec: { command: ["sh", "-c", `ollama list | grep -q '[[:space:]]${digest.slice(0, 12)}[[:space:]]'`] },
                periodSeconds: 1,
                timeoutSeconds: 10,
                failureThreshold: 120,
              },
              readinessProbe: { httpGet: { path: "/api/version", port }, periodSeconds: 10, timeoutSeconds: 5 },
              // No CPU limit: Ollama chooses its threads without looking at it, and crawls (ollama/ollama#17916).
              resources: { requests: { cpu: "500m", memory }, limits: { memory } },
              securityContext: { ...security, runAsUser: user, runAsGroup: user, runAsNonRoot: true },
              volumeMounts: [
                { name: "models", mountPath: models, readOnly: true },
                { name: "home", mountPath: home },
              ],
            },
          ],
          volumes: [
            { name: "models", hostPath: { path: modelDirectory(model.digest), type: "DirectoryOrCreate" } },
            { name: "home", emptyDir: {} },
          ],
        },
      },
    },
  };

  const service = {
    apiVersion: "v1" as const,
    kind: "Service" as const,
    metadata: { name, namespace, labels },
    spec: { selector: labels, ports: [{ name: "http", port, targetPort: port }] },
  };

  return { deployment, service };
}

function fetchModel(): string {
  return readFileSync(join(import.meta.dirname, "fetch-model.sh"), "utf8");
}

function hexOf(digest: string): string {
  return digest.replace(/^sha256:/, "");
}
