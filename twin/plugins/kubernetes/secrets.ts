import type { PropertyMap, PropertyValue } from "../property-values.ts";
import { containsSecret, isMap, isSecret, secret } from "../property-values.ts";

/**
 * Marks in an object what is secret in the inputs it comes from. Maps are followed down, so that one secret does not hide
 * a whole Deployment; an array with a secret in it becomes secret as a whole, for its order may change on the way. A
 * Secret's data is always secret.
 */
export function markSecrets(object: PropertyMap, inputs: PropertyMap): PropertyMap {
  if (object.kind === "Secret") return markMembers(object, ["data", "stringData"]);
  return Object.fromEntries(
    Object.entries(object).map(([name, value]): [string, PropertyValue] => {
      const input = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
      if (isMap(value) && isMap(input) && !isSecret(input)) return [name, markSecrets(value, input)];
      return [name, containsSecret(input) ? secret(value) : value];
    }),
  );
}

function markMembers(object: PropertyMap, names: string[]): PropertyMap {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, names.includes(name) ? secret(value) : value]),
  );
}
