import type { Struct as StructMessage } from "google-protobuf/google/protobuf/struct_pb.js";
import { Struct } from "./protobuf.ts";

/** A resource property as it travels between the engine and a plugin: JSON in which signed objects mark secrets. */
export type PropertyValue = null | boolean | number | string | PropertyValue[] | PropertyMap;
export interface PropertyMap {
  [key: string]: PropertyValue;
}

// Both are part of Pulumi's wire format (sdk/go/common/resource/sig and .../resource/plugin/rpc.go).
const signatureKey = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** What the engine sends for a string that is not known before other resources exist. */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const unknownValues = new Set<PropertyValue>([
  unknownValue,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // boolean
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
  "030794c1-ac77-496b-92df-f27374a8bd58", // asset
  "e48ece36-62e2-4504-bad9-02848725956a", // archive
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

export function isMap(value: PropertyValue | undefined): value is PropertyMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isUnknown(value: PropertyValue | undefined): boolean {
  return value !== undefined && unknownValues.has(value);
}

export function isSecret(value: PropertyValue | undefined): value is PropertyMap {
  return isMap(value) && value[signatureKey] === secretSignature;
}

/** Marks a value secret; one that is secret already stays as it is. */
export function secret(value: PropertyValue): PropertyMap {
  return isSecret(value) ? value : { [signatureKey]: secretSignature, value };
}

/**
 * The value without its secret marks. Unknown values stay the sentinel strings they are.
 * @throws Error for assets, archives, resource references and outputs, which the offline plugins do not speak
 */
export function reveal(value: PropertyValue): PropertyValue {
  if (Array.isArray(value)) return value.map(reveal);
  if (!isMap(value)) return value;
  if (isSecret(value)) return reveal(value.value ?? null);
  if (signatureKey in value) {
    throw new Error("assets, archives and resource references are not offered by the offline plugins");
  }
  return revealMap(value);
}

/** {@link reveal} for a whole property map. */
export function revealMap(map: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, reveal(value)]));
}

export function containsSecret(value: PropertyValue | undefined): boolean {
  if (isSecret(value)) return true;
  if (Array.isArray(value)) return value.some(containsSecret);
  return isMap(value) && Object.values(value).some(containsSecret);
}

export function containsUnknown(value: PropertyValue | undefined): boolean {
  if (Array.isArray(value)) return value.some(containsUnknown);
  if (isMap(value)) return Object.values(value).some(containsUnknown);
  return isUnknown(value);
}

/** Reads a protobuf Struct. Null members are left out: to every provider they mean "not set". */
export function readProperties(properties: StructMessage | undefined): PropertyMap {
  return properties === undefined ? {} : withoutNulls(properties.toJavaScript());
}

function withoutNulls(map: PropertyMap): PropertyMap {
  return Object.fromEntries(
    Object.entries(map)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, withoutNullMembers(value)]),
  );
}

function withoutNullMembers(value: PropertyValue): PropertyValue {
  if (Array.isArray(value)) return value.map(withoutNullMembers);
  return isMap(value) ? withoutNulls(value) : value;
}

/**
 * Writes a protobuf Struct.
 * @throws Error for a member named __proto__, which google-protobuf's JavaScript loses on its way
 */
export function writeProperties(map: PropertyMap): StructMessage {
  if (namesPrototype(map)) throw new Error("a property cannot be named __proto__");
  return Struct.fromJavaScript(map);
}

function namesPrototype(value: PropertyValue): boolean {
  if (Array.isArray(value)) return value.some(namesPrototype);
  return isMap(value) && (Object.hasOwn(value, "__proto__") || Object.values(value).some(namesPrototype));
}
