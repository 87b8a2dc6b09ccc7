import type { PropertyMap } from "../property-values.ts";
import { isUnknown, revealMap } from "../property-values.ts";
import { assignName } from "./naming.ts";
import type { KubernetesObject } from "./objects.ts";
import { at, withMetadata, withoutServerWritten } from "./objects.ts";
import { markSecrets } from "./secrets.ts";

interface Program {
  /** The resource's name in the program. */
  resource: string;
  news: PropertyMap;
  /** The inputs in the state; undefined for a new resource, and for the new half of a replacement. */
  olds: PropertyMap | undefined;
  seed: Uint8Array;
  namespaced: boolean;
  defaultNamespace: string;
}

/** What the state keeps as a resource's inputs: the program's, with a name and a namespace, secrets marked. */
export function completeInputs({ resource, news, olds, seed, namespaced, defaultNamespace }: Program): PropertyMap {
  const old = olds === undefined ? undefined : revealMap(olds);
  const named = assignName(withoutServerWritten(revealMap(news)), { resource, old, seed });
  return markSecrets(namespaced ? withDefaultNamespace(named, defaultNamespace) : named, news);
}

function withDefaultNamespace(object: KubernetesObject, namespace: string): KubernetesObject {
  const said = isUnknown(object.metadata) || at(object, "metadata", "namespace") !== undefined;
  return said || namespace === "" ? object : withMetadata(object, "namespace", namespace);
}
