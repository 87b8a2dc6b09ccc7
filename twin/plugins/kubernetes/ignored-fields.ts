import { notOffered } from "../plugin-error.ts";
import type { PropertyValue } from "../property-values.ts";
import { isMap } from "../property-values.ts";
import type { KubernetesObject } from "./objects.ts";
import { at, listAt, textAt } from "./objects.ts";

/**
 * What to apply for an object some of whose fields the program ignores. A field that is not ours, because somebody else
 * manages it or the program never set it, is left out and stays as it is; one of ours keeps the value it has in the
 * cluster, for to leave it out would unset it.
 * @param paths as in `ignoreChanges`: `spec`, `metadata.labels["a.b/c"]`
 */
export function withoutIgnored(
  object: KubernetesObject,
  live: KubernetesObject,
  fieldManager: string,
  paths: string[],
): KubernetesObject {
  const managers = listAt(live, "metadata", "managedFields");
  return paths.map(parsePath).reduce((wanted, path) => {
    const [ours, theirs] = [true, false].map((mine) =>
      managers
        .filter((entry) => (textAt(entry, "manager") === fieldManager) === mine)
        .map((entry) => at(entry, "fieldsV1", ...path.map((name) => `f:${name}`))),
    );
    const isOurs = ours?.some((fields) => fields !== undefined) ?? false;
    const isTheirs = theirs?.some(isWhole) ?? false;
    const value = at(live, ...path);
    if (!isOurs && (isTheirs || at(wanted, ...path) === undefined)) return replaceAt(wanted, path, undefined);
    return value === undefined ? wanted : replaceAt(wanted, path, value);
  }, object);
}

function parsePath(path: string): string[] {
  const names = [...path.matchAll(/(?:^|\.)([^.[\]"]+)|\["((?:[^"\\]|\\.)*)"\]/g)];
  if (names.map(([text]) => text).join("") !== path)
    throw notOffered(`ignoreChanges of the form ${path} on a Kubernetes resource`);
  return names.map(([, plain, quoted = ""]) => plain ?? quoted.replaceAll('\\"', '"'));
}

/** Whether managed fields (`{"f:replicas": {}}`) stand for the field itself and not only for some inside it. */
function isWhole(fields: PropertyValue | undefined): boolean {
  return isMap(fields) && (Object.keys(fields).length === 0 || "." in fields);
}

function replaceAt(
  object: KubernetesObject,
  [name = "", ...rest]: string[],
  value: PropertyValue | undefined,
): KubernetesObject {
  const { [name]: current, ...others } = object;
  if (rest.length > 0) {
    if (!isMap(current) && value === undefined) return object;
    return { ...object, [name]: replaceAt(isMap(current) ? current : {}, rest, value) };
  }
  return value === undefined ? others : { ...object, [name]: value };
}
