import { createHash } from "node:crypto";

/** The directory on a node that holds all models. */
export const modelStore = "/var/lib/bramble/models";

/** A model as a plan locks it. */
export interface LockedModel {
  readonly reference: string;
  /** sha256:<hex> of its manifest */
  readonly digest: string;
}

/**
 * The directory on a node that holds a model. One for each digest: experiments with the same model share it, and one
 * that locks another model under the same name does not change theirs.
 */
export function modelDirectory(digest: string): string {
  return `${modelStore}/${hexOf(digest)}`;
}

/**
 * The directory that a server serves these models from: the model's own where there is one, else one in which they lie
 * side by side, named by what is in it.
 */
export function servedDirectory(models: readonly LockedModel[]): string {
  const [only, ...others] = models;
  if (only !== undefined && others.length === 0) return modelDirectory(only.digest);
  const lines = models.map(({ reference, digest }) => `${reference} ${digest}\n`).sort();
  const name = createHash("sha256").update(lines.join("")).digest("hex").slice(0, 12);
  return `${modelStore}/sets/${name}`;
}

/** A digest without its "sha256:". */
export function hexOf(digest: string): string {
  return digest.replace(/^sha256:/, "");
}
