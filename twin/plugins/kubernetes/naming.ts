import { createHash, randomBytes } from "node:crypto";
import { isUnknown } from "../property-values.ts";
import type { KubernetesObject } from "./objects.ts";
import { annotation, at, textAt, withAnnotation, withMetadata } from "./objects.ts";

/**
 * Gives an object without a name the one it had before, or `<resource name>-<8 hex digits>`, and marks it as named by
 * Pulumi. A name that is not known yet is a name.
 * @param seed makes the digits repeatable: preview and update are to propose the same name. Empty: random.
 */
export function assignName(
  object: KubernetesObject,
  { resource, old, seed }: { resource: string; old: KubernetesObject | undefined; seed: Uint8Array },
): KubernetesObject {
  const metadata = object.metadata;
  if (isUnknown(metadata) || at(object, "metadata", "name") !== undefined) return object;
  if (old === undefined) return named(object, `${resource}-${uniqueDigits(seed)}`);
  return isAutonamed(old) ? named(object, textAt(old, "metadata", "name")) : object;
}

/** Whether Pulumi made up the object's name, so that a replacement can stand beside it under another. */
export function isAutonamed(object: KubernetesObject): boolean {
  return annotation(object, "autonamed") === "true";
}

/** A field manager's name of the real provider's form. */
export function newFieldManager(): string {
  return `pulumi-kubernetes-${uniqueDigits(new Uint8Array())}`;
}

function named(object: KubernetesObject, name: string): KubernetesObject {
  return withAnnotation(withMetadata(object, "name", name), "autonamed", "true");
}

function uniqueDigits(seed: Uint8Array): string {
  const bytes = seed.length > 0 ? createHash("sha256").update(seed).digest() : randomBytes(4);
  return bytes.toString("hex").slice(0, 8);
}
