/** A map of cloud-config. */
export type CloudConfig = Readonly<Record<string, unknown>>;

/**
 * Lays cloud-configs over one another: lists are appended, maps merged, and of anything else the later one holds. The keys that
 * a later one adds come in the order of their names, so that the result does not change with the order they were written in.
 */
export function mergeCloudConfig(base: CloudConfig, ...more: readonly (CloudConfig | undefined)[]): CloudConfig {
  return more.reduce<CloudConfig>((merged, next) => (next === undefined ? merged : mergeMaps(merged, next)), base);
}

function mergeMaps(base: CloudConfig, over: CloudConfig): CloudConfig {
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(sorted(over))) merged.set(key, mergeValues(merged.get(key), value));
  return Object.fromEntries(merged);
}

function mergeValues(base: unknown, over: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(over)) return [...(base as unknown[]), ...(over as unknown[])];
  return isMap(base) && isMap(over) ? mergeMaps(base, over) : over;
}

/** The same value with the keys of all its maps in the order of their names. */
export function sorted<Value>(value: Value): Value {
  if (Array.isArray(value)) return value.map(sorted) as Value;
  if (!isMap(value)) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, part]) => [key, sorted(part)])) as Value;
}

function isMap(value: unknown): value is CloudConfig {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
