import type { PropertyMap, PropertyValue } from "../property-values.ts";
import { isMap } from "../property-values.ts";

/** A Kubernetes object as JSON. */
export type KubernetesObject = PropertyMap;

/** What an object is and where it lies. */
export interface Identity {
  apiVersion: string;
  kind: string;
  namespace: string;
  name: string;
}

/** The value at a path of member names, or undefined where the path leads nowhere. */
export function at(value: PropertyValue | undefined, ...path: string[]): PropertyValue | undefined {
  return path.reduce<PropertyValue | undefined>(
    (current, name) => (isMap(current) && Object.hasOwn(current, name) ? current[name] : undefined),
    value,
  );
}

export function textAt(value: PropertyValue | undefined, ...path: string[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

/** The number at a path; Kubernetes leaves out zeros. */
export function numberAt(value: PropertyValue | undefined, ...path: string[]): number {
  const found = at(value, ...path);
  return typeof found === "number" ? found : 0;
}

export function listAt(value: PropertyValue | undefined, ...path: string[]): PropertyValue[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

export function textsAt(value: PropertyValue | undefined, ...path: string[]): string[] {
  return listAt(value, ...path).filter((item) => typeof item === "string");
}

/** The object without some of its members. */
export function without(object: KubernetesObject, ...names: string[]): KubernetesObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

export function identityOf(object: KubernetesObject): Identity {
  return {
    apiVersion: textAt(object, "apiVersion"),
    kind: textAt(object, "kind"),
    namespace: textAt(object, "metadata", "namespace"),
    name: textAt(object, "metadata", "name"),
  };
}

/** The object with a member of its metadata set. */
export function withMetadata(object: KubernetesObject, name: string, value: PropertyValue): KubernetesObject {
  const metadata = object.metadata;
  return { ...object, metadata: { ...(isMap(metadata) ? metadata : {}), [name]: value } };
}

export function annotation(object: KubernetesObject, name: string): string {
  return textAt(object, "metadata", "annotations", `pulumi.com/${name}`);
}

export function withAnnotation(object: KubernetesObject, name: string, value: string): KubernetesObject {
  const annotations = at(object, "metadata", "annotations");
  return withMetadata(object, "annotations", {
    ...(isMap(annotations) ? annotations : {}),
    [`pulumi.com/${name}`]: value,
  });
}

/** A resource's id in the state, as the real provider writes it: `namespace/name`, or `name` for what has no namespace. */
export function formatId({ namespace, name }: Pick<Identity, "namespace" | "name">): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}

export function parseId(id: string): Pick<Identity, "namespace" | "name"> {
  const [first = "", second] = id.split("/");
  return second === undefined ? { namespace: "", name: first } : { namespace: first, name: second };
}

/** What the type of a URN says: `kubernetes:core/v1:Namespace` is kind Namespace of apiVersion v1. */
export function parseType(type: string): Pick<Identity, "apiVersion" | "kind"> {
  const [, group = "", kind = ""] = type.split(":");
  return { apiVersion: group.replace(/^core\//, ""), kind };
}

/** Fields of metadata that only the API server writes: never part of what a program wants. */
const serverWritten = [
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "resourceVersion",
  "uid",
];

export function withoutServerWritten(object: KubernetesObject): KubernetesObject {
  if (!isMap(object.metadata)) return object;
  return { ...object, metadata: without(object.metadata, ...serverWritten) };
}
