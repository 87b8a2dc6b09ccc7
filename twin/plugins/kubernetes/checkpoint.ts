import type { PropertyMap } from "../property-values.ts";
import { isMap, revealMap } from "../property-values.ts";
import type { KubernetesObject } from "./objects.ts";
import { textAt, without } from "./objects.ts";
import { markSecrets } from "./secrets.ts";

/**
 * A resource in Pulumi's state: the live object, and beside its fields the inputs and two facts, under the names that the
 * real provider uses. A stack made by the one can be continued by the other.
 */
export interface Checkpoint {
  live: KubernetesObject;
  inputs: KubernetesObject;
  fieldManager: string;
  initialApiVersion: string;
}

const inputsKey = "__inputs";
const fieldManagerKey = "__fieldManager";
const initialApiVersionKey = "__initialApiVersion";

/** @param from the inputs as the program gave them, with their secret marks */
export function writeCheckpoint(
  { live, inputs, fieldManager, initialApiVersion }: Checkpoint,
  from: PropertyMap,
): PropertyMap {
  return {
    ...markSecrets(live, from),
    [inputsKey]: markSecrets(inputs, from),
    [fieldManagerKey]: fieldManager,
    [initialApiVersionKey]: initialApiVersion,
  };
}

/** Reads a state, without secret marks. What is missing (a resource read from the cluster by id) is empty. */
export function readCheckpoint(state: PropertyMap): Checkpoint {
  const plain = revealMap(state);
  const live = without(plain, inputsKey, fieldManagerKey, initialApiVersionKey);
  const inputs = plain[inputsKey];
  return {
    live,
    inputs: isMap(inputs) ? inputs : {},
    fieldManager: textAt(state, fieldManagerKey),
    initialApiVersion: textAt(state, initialApiVersionKey) || textAt(live, "apiVersion"),
  };
}
