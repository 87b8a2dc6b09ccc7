import type { PropertyValue } from "../property-values.ts";

const units: Record<string, number> = {
  "": 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Fields whose members are quantities (k8s.io/apimachinery resource.Quantity), wherever they stand. */
const quantityFields = new Set(["capacity", "limits", "overhead", "requests", "sizeLimit"]);

/**
 * Whether two values at a path are one quantity in two spellings: the API server answers `1Gi` to `1024Mi`, and the real
 * provider keeps its spelling in the state. Neither is a change.
 */
export function isSameQuantity(path: readonly (string | number)[], left: PropertyValue, right: PropertyValue): boolean {
  if (!path.some((name) => typeof name === "string" && quantityFields.has(name))) return false;
  const amount = parseQuantity(left);
  return amount !== undefined && amount === parseQuantity(right);
}

function parseQuantity(value: PropertyValue): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return undefined;
  const match = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)(|n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)$/.exec(value);
  if (match === null) return undefined;
  // Rounded as the API server rounds, to nano: 0.1 and 100m are one amount, in floating point too.
  return Number((Number(match[1]) * (units[match[2] ?? ""] ?? NaN)).toFixed(9));
}
