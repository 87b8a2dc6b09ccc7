import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ServerSettings } from "../benchmark/plan.ts";
import { asNobody, asRoot, podDefaults } from "../pod-security.ts";
import { fetchContainer, ollamaPort as port, type WeighedModel } from "./fetch-container.ts";
import { hexOf, modelDirectory, modelStore, servedDirectory, type LockedModel } from "./model-store.ts";
import { serverEnvironment } from "./server-settings.ts";

export interface OllamaArguments {
  /** The experiment's namespace. */
  readonly namespace: string;
  /** The models that the server has. */
  readonly models: readonly WeighedModel[];
  readonly settings: ServerSettings;
  readonly image: string;
  /** The node that serves. */
  readonly node: string;
  /** host:port of the site's model registry (plain HTTP); undefined: the one that each reference names. */
  readonly registry: string | undefined;
  /** Memory limit of the server, as Kubernetes writes it. */
  readonly memory: string;
}

const models = "/models";
const store = "/store";
const home = "/tmp";

/** The name of a node's Ollama server, its Service's too. */
export function serverName(node: string): string {
  return `ollama-${node}`;
}

/** Where a node's server answers, for pods of the same namespace. */
export function ollamaUrl(node: string): string {
  return `http://${serverName(node)}:${port}`;
}

/** The manifests of an experiment's Ollama server on one node: Ready means that it answers and has the locked models. */
export function renderOllama({ namespace, models: served, settings, image, node, registry, memory }: OllamaArguments) {
  const name = serverName(node);
  const labels = { "app.kubernetes.io/name": "ollama", "bramble.dev/node": node };
  const several = served.length > 1;
  const homeMount = { name: "home", mountPath: home };
  const container = { image, imagePullPolicy: "IfNotPresent" };
  const fetches = served.map((model, index) =>
    fetchContainer(model, {
      name: `fetch-model-${index}`,
      volume: `model-${index}`,
      ...{ image, memory, registry, places: { models, home } },
    }),
  );
  const layOut = {
    ...container,
    name: "lay-out-models",
    command: ["sh", "-c", layOutModels()],
    env: [
      { name: "MODELS", value: store },
      { name: "SET", value: `${store}${servedDirectory(served).slice(modelStore.length)}` },
      { name: "DIGESTS", value: served.map(({ digest }) => hexOf(digest)).join(" ") },
    ],
    resources: { requests: { memory: "128Mi" }, limits: { memory } },
    securityContext: asRoot,
    volumeMounts: [{ name: "store", mountPath: store }],
  };
  const hostPath = (volume: string, path: string) => ({ name: volume, hostPath: { path, type: "DirectoryOrCreate" } });

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
          ...podDefaults,
          terminationGracePeriodSeconds: 10,
          nodeSelector: { "kubernetes.io/hostname": node },
          initContainers: [...fetches, ...(several ? [layOut] : [])],
          containers: [
            {
              ...container,
              name: "ollama",
              command: ["ollama", "serve"],
              env: [
                { name: "HOME", value: home },
                { name: "OLLAMA_MODELS", value: models },
                { name: "OLLAMA_NOPRUNE", value: "1" },
                { name: "OLLAMA_HOST", value: `0.0.0.0:${port}` },
                ...serverEnvironment(settings),
              ],
              ports: [{ name: "http", containerPort: port }],
              // Once: an `ollama list` every few seconds would take its share of what is measured.
              startupProbe: {
                exec: { command: ["sh", "-c", hasModels(served)] },
                periodSeconds: 1,
                timeoutSeconds: 10,
                failureThreshold: 120,
              },
              readinessProbe: { httpGet: { path: "/api/version", port }, periodSeconds: 10, timeoutSeconds: 5 },
              // No CPU limit: Ollama chooses its threads without looking at it, and crawls (ollama/ollama#17916).
              resources: { requests: { cpu: "500m", memory }, limits: { memory } },
              securityContext: asNobody,
              volumeMounts: [{ name: "served", mountPath: models, readOnly: true }, homeMount],
            },
          ],
          volumes: [
            ...served.map(({ digest }, index) => hostPath(`model-${index}`, modelDirectory(digest))),
            ...(several ? [hostPath("store", modelStore)] : []),
            hostPath("served", servedDirectory(served)),
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

/** Succeeds when `ollama list` shows every one of the models by its digest. */
function hasModels(served: readonly LockedModel[]): string {
  const digests = served.map(({ digest }) => hexOf(digest).slice(0, 12));
  return `list=$(ollama list) && ${digests.map((digest) => `echo "$list" | grep -q '[[:space:]]${digest}[[:space:]]'`).join(" && ")}`;
}

function layOutModels(): string {
  return readFileSync(join(import.meta.dirname, "lay-out-models.sh"), "utf8");
}
