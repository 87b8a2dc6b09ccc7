import { readFileSync } from "node:fs";
import { join } from "node:path";
import { asRoot } from "../pod-security.ts";
import { modelName } from "./model-name.ts";
import { hexOf, type LockedModel } from "./model-store.ts";

/** Where Ollama answers. */
export const ollamaPort = 11434;

/** A model with what it takes on a disk in bytes, where that is known. */
export type WeighedModel = LockedModel & { readonly bytes: number | null };

/** Where a fetching container finds things. */
export interface FetchPlaces {
  /** The model's directory (model-store.ts), and one for the program's own. */
  readonly models: string;
  readonly home: string;
}

/** Bytes of a node's disk that no model may take: K3s, its logs and the journals need them. */
const reserve = 1 << 30;

/**
 * The container that brings a model onto a node, before its server starts. Its directory is mounted as `volume`.
 * @param given.registry host:port of the site's registry (plain HTTP); undefined: the one that the reference names
 */
export function fetchContainer(
  model: WeighedModel,
  given: {
    readonly name: string;
    readonly volume: string;
    readonly image: string;
    readonly memory: string;
    readonly registry: string | undefined;
    readonly places: FetchPlaces;
  },
) {
  const { name, volume, image, memory, registry, places } = given;
  const { full, manifest, source } = modelName(model.reference, registry);
  return {
    image,
    imagePullPolicy: "IfNotPresent",
    name,
    command: ["sh", "-c", readFileSync(join(import.meta.dirname, "fetch-model.sh"), "utf8")],
    env: [
      { name: "HOME", value: places.home },
      { name: "OLLAMA_MODELS", value: places.models },
      { name: "OLLAMA_NOPRUNE", value: "1" },
      { name: "OLLAMA_HOST", value: `127.0.0.1:${ollamaPort}` },
      { name: "REFERENCE", value: full },
      { name: "SOURCE", value: source },
      { name: "DIGEST", value: hexOf(model.digest) },
      { name: "MANIFEST", value: manifest },
      { name: "INSECURE", value: registry === undefined ? "" : "--insecure" },
      { name: "BYTES", value: String(model.bytes ?? 0) },
      { name: "RESERVE", value: String(reserve) },
    ],
    resources: { requests: { memory: "128Mi" }, limits: { memory } },
    // It owns the directory, which the kubelet makes for root.
    securityContext: asRoot,
    volumeMounts: [
      { name: volume, mountPath: places.models },
      { name: "home", mountPath: places.home },
    ],
  };
}
