import type { PropertyMap, PropertyValue } from "../property-values.ts";
import { isMap } from "../property-values.ts";
import type { KubernetesObject } from "./objects.ts";
import { identityOf, withMetadata } from "./objects.ts";
import { isAutonamed } from "./naming.ts";
import { isSameQuantity } from "./quantities.ts";
import type { Mutability } from "./replacement-rules.ts";
import { findImmutableFields } from "./replacement-rules.ts";

type Path = (string | number)[];

export interface FieldChange {
  /** In the engine's notation: `spec.template.spec.containers[0].image`, `data["a.b"]`. */
  path: string;
  kind: "ADD" | "DELETE" | "UPDATE";
  replaces: boolean;
}

export interface Changes {
  fields: FieldChange[];
  /** The new object must have the old one's name, so the old one has to go first. */
  deleteBeforeReplace: boolean;
}

/**
 * Compares what the program wanted with what it wants now, both without secret marks. The live object plays no part, for
 * the server fills in and respells fields; drift that a refresh has found is in the old inputs.
 * @param live the object in the state, for the name and namespace it really has
 */
export function findChanges(
  olds: KubernetesObject,
  news: KubernetesObject,
  live: KubernetesObject,
  { namespaced, mutable }: { namespaced: boolean; mutable: Mutability },
): Changes {
  const immutable = findImmutableFields(news, mutable);
  const fields = [...compare(withNamespace(olds, namespaced), withNamespace(news, namespaced), [])].map(
    ({ path, kind, before, after }) => ({
      path: formatPath(path),
      kind,
      replaces: immutable.some((field) => touches(path, kind === "DELETE" ? before : after, field.split("."))),
    }),
  );
  const [wanted, existing] = [identityOf(withNamespace(news, namespaced)), identityOf(withNamespace(live, namespaced))];
  return {
    fields,
    deleteBeforeReplace:
      fields.some(({ replaces }) => replaces) &&
      !isAutonamed(news) &&
      wanted.name === existing.name &&
      wanted.namespace === existing.namespace,
  };
}

interface Difference {
  path: Path;
  kind: FieldChange["kind"];
  before: PropertyValue | undefined;
  after: PropertyValue | undefined;
}

/** An object without a namespace lies in "default"; one whose kind knows none has none, whatever was written. */
function withNamespace(object: KubernetesObject, namespaced: boolean): KubernetesObject {
  return withMetadata(object, "namespace", namespaced ? identityOf(object).namespace || "default" : "");
}

function* compare(
  before: PropertyValue | undefined,
  after: PropertyValue | undefined,
  path: Path,
): Generator<Difference> {
  if (after === undefined) {
    if (before !== undefined) yield { path, kind: "DELETE", before, after };
  } else if (before === undefined) {
    yield { path, kind: "ADD", before, after };
  } else if (isMap(before) && isMap(after)) {
    yield* compareMaps(before, after, path);
  } else if (Array.isArray(before) && Array.isArray(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
      yield* compare(before[index], after[index], [...path, index]);
    }
  } else if (before !== after && !isSameQuantity(path, before, after)) {
    yield { path, kind: "UPDATE", before, after };
  }
}

function* compareMaps(before: PropertyMap, after: PropertyMap, path: Path): Generator<Difference> {
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const member = (map: PropertyMap) => (Object.hasOwn(map, name) ? map[name] : undefined);
    yield* compare(member(before), member(after), [...path, name]);
  }
}

/** Whether a change at a path, of a whole value, changes the field: the one lies within the other. */
function touches(path: Path, value: PropertyValue | undefined, field: string[]): boolean {
  const shared = Math.min(path.length, field.length);
  if (!path.slice(0, shared).every((name, index) => name === field[index])) return false;
  return (
    field
      .slice(shared)
      .reduce<PropertyValue | undefined>((inner, name) => (isMap(inner) ? inner[name] : undefined), value) !== undefined
  );
}

function formatPath(path: Path): string {
  return path.reduce<string>((text, name) => {
    if (typeof name === "number") return `${text}[${name}]`;
    if (/[."[\]]/.test(name)) return `${text}["${name.replaceAll('"', '\\"')}"]`;
    return text === "" ? name : `${text}.${name}`;
  }, "");
}
