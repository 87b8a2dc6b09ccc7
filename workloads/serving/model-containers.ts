import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DerivedModel } from "../ollama/derived-model.ts";
import { modelName } from "../ollama/model-name.ts";
import { hexOf, modelDirectory, modelStore, type LockedModel } from "../ollama/model-store.ts";
import { ollamaPort } from "./names.ts";
import { asRoot } from "./security.ts";

/** Bytes of a node's disk that no model may take: K3s, its logs and the journals need them. */
const reserve = 1 << 30;

const base = "/models";
const store = "/store";
const files = "/derived";
const home = "/tmp";

/** A base model with what it takes on a disk in bytes, where that is known. */
export type LockedBase = LockedModel & { readonly bytes: number | null };

interface Source {
  readonly image: string;
  /** host:port of the site's registry (plain HTTP); undefined: the one that the reference names. */
  readonly registry: string | undefined;
}

/** The containers that bring a model onto a node before it is served, with the volumes that they need. */
export function modelContainers(model: LockedBase, derived: DerivedModel, { image, registry }: Source) {
  const { full, manifest, source } = modelName(model.reference, registry);
  const common = {
    image,
    imagePullPolicy: "IfNotPresent",
    resources: { requests: { memory: "128Mi" }, limits: { memory: "512Mi" } },
    securityContext: asRoot,
  };
  const fetch = {
    ...common,
    name: "fetch-model",
    command: ["sh", "-c", script("../ollama/fetch-model.sh")],
    env: variables({
      HOME: home,
      OLLAMA_MODELS: base,
      OLLAMA_NOPRUNE: "1",
      OLLAMA_HOST: `127.0.0.1:${ollamaPort}`,
      REFERENCE: full,
      SOURCE: source,
      DIGEST: hexOf(model.digest),
      MANIFEST: manifest,
      INSECURE: registry === undefined ? "" : "--insecure",
      BYTES: String(model.bytes ?? 0),
      RESERVE: String(reserve),
    }),
    volumeMounts: [
      { name: "base", mountPath: base },
      { name: "home", mountPath: home },
    ],
  };
  const layOut = {
    ...common,
    name: "lay-out-derived",
    command: ["sh", "-c", script("lay-out-derived.sh")],
    env: variables({
      MODELS: store,
      FILES: files,
      BASE: hexOf(model.digest),
      DERIVED: hexOf(derived.digest),
      MANIFEST: derived.manifest.path,
      SHARED: derived.shared.map(hexOf).join(" "),
      MADE: derived.blobs.map(({ digest }) => hexOf(digest)).join(" "),
    }),
    volumeMounts: [
      { name: "store", mountPath: store },
      { name: "derived", mountPath: files, readOnly: true },
    ],
  };
  const hostPath = (name: string, path: string) => ({ name, hostPath: { path, type: "DirectoryOrCreate" } });
  const volumes = [
    hostPath("base", modelDirectory(model.digest)),
    hostPath("store", modelStore),
    hostPath("served", modelDirectory(derived.digest)),
    { name: "home", emptyDir: {} },
  ];
  return { initContainers: [fetch, layOut], volumes };
}

/** What lay-out-derived.sh copies, by the names that it looks for. */
export function derivedFiles({ manifest, blobs }: DerivedModel): Record<string, string> {
  return {
    manifest: manifest.text,
    ...Object.fromEntries(blobs.map(({ digest, text }) => [digest.replace(":", "-"), text])),
  };
}

export function variables(values: Readonly<Record<string, string>>): { name: string; value: string }[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

function script(name: string): string {
  return readFileSync(join(import.meta.dirname, name), "utf8");
}
