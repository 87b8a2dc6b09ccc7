import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DerivedModel } from "../ollama/derived-model.ts";
import { fetchContainer, type WeighedModel } from "../ollama/fetch-container.ts";
import { hexOf, modelDirectory, modelStore } from "../ollama/model-store.ts";
import { asRoot } from "../pod-security.ts";

const base = "/models";
const store = "/store";
const files = "/derived";
const home = "/tmp";

interface Source {
  readonly image: string;
  /** host:port of the site's registry (plain HTTP); undefined: the one that the reference names. */
  readonly registry: string | undefined;
}

/** The containers that bring a model onto a node before it is served, with the volumes that they need. */
export function modelContainers(model: WeighedModel, derived: DerivedModel, { image, registry }: Source) {
  const memory = "512Mi";
  const places = { models: base, home };
  const fetch = fetchContainer(model, { name: "fetch-model", volume: "base", image, memory, registry, places });
  const layOut = {
    image,
    imagePullPolicy: "IfNotPresent",
    resources: { requests: { memory: "128Mi" }, limits: { memory } },
    securityContext: asRoot,
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
