/** What marks a pod as a part of a site's serving, and as which. */
export const proxyLabels = { "app.kubernetes.io/name": "model-proxy" } as const;

export function modelLabels(label: string) {
  return { "app.kubernetes.io/name": "served-model", "bramble.dev/model": label };
}

/** The name of a model's Deployment and Service. Its label has at most 40 characters, so that this is a DNS label too. */
export function servedModelName(label: string): string {
  if (!/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/.test(label)) throw new Error(`${label} is no label of a served model`);
  return `ollama-${label}`;
}

/** The model as Ollama lists it: clients that ask for `<label>` get it, since Ollama adds what a name leaves out. */
export function servedReference(label: string): string {
  return `${label}:latest`;
}
