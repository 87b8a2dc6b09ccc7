import type { PropertyMap, PropertyValue } from "../property-values.ts";
import { isMap } from "../property-values.ts";
import type { KubernetesObject } from "./objects.ts";
import { textAt } from "./objects.ts";
import { isSameQuantity } from "./quantities.ts";

/**
 * The part of a live object that a program asked for: what the server filled in is left out, what somebody changed is kept.
 * After a refresh this stands for the program's inputs, so that the next diff shows the drift.
 */
export function pruneToInputs(live: KubernetesObject, inputs: KubernetesObject): KubernetesObject {
  const pruned = pruneMap(live, inputs, []);
  // The server keeps stringData as data: turned back, or each refresh would show it as drift.
  if (live.kind === "Secret" && isMap(inputs.stringData)) return withStringData(pruned, live, inputs.stringData);
  return pruned;
}

function pruneMap(live: PropertyMap, inputs: PropertyMap, path: string[]): PropertyMap {
  return Object.fromEntries(
    Object.entries(live)
      .filter(([name]) => Object.hasOwn(inputs, name))
      .map(([name, value]) => [name, prune(value, inputs[name] ?? null, [...path, name])]),
  );
}

function prune(live: PropertyValue, input: PropertyValue, path: string[]): PropertyValue {
  if (isMap(live) && isMap(input)) return pruneMap(live, input, path);
  if (Array.isArray(live) && Array.isArray(input)) {
    return live.slice(0, input.length).map((value, index) => prune(value, input[index] ?? null, path));
  }
  return isSameQuantity(path, live, input) ? input : live;
}

function withStringData(pruned: KubernetesObject, live: KubernetesObject, wanted: PropertyMap): KubernetesObject {
  const data = isMap(live.data) ? live.data : {};
  const present = Object.keys(data).filter((name) => Object.hasOwn(wanted, name));
  const stringData = present.map((name) => [name, Buffer.from(textAt(data, name), "base64").toString("utf8")]);
  return { ...pruned, stringData: Object.fromEntries(stringData) as PropertyMap };
}
