/** Where Ollama finds a model by its reference, and where a site's registry has it. */
export interface ModelName {
  /** The reference in full, as Ollama understands it: host/namespace/name:tag. */
  readonly full: string;
  /** The path of its manifest below OLLAMA_MODELS. */
  readonly manifest: string;
  /** The name it is pulled by. */
  readonly source: string;
}

/**
 * Ollama's names (types/model/name.go): host and namespace are optional and default to registry.ollama.ai/library. A
 * site's registry has a model under the same namespace and name. It is pulled from there and copied to the reference's
 * own name, so that a plan never holds an address.
 * @param registry host:port, or undefined to pull from where the reference itself points
 */
export function modelName(reference: string, registry: string | undefined): ModelName {
  const match = /^(?:(?:([^/]+)\/)?([^/]+)\/)?([^/:]+):([^/:]+)$/.exec(reference);
  if (match === null) throw new Error(`${reference} is not [[host/]namespace/]name:tag`);
  const [, host = "registry.ollama.ai", namespace = "library", name, tag] = match;
  return {
    full: `${host}/${namespace}/${name}:${tag}`,
    manifest: `manifests/${host}/${namespace}/${name}/${tag}`,
    source: `${registry ?? host}/${namespace}/${name}:${tag}`,
  };
}
