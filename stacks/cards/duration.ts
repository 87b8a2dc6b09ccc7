/** A length of time for people: "40 s", "3 min", "5 h", "2 days". */
export function formatDuration(seconds: number): string {
  const units: readonly [number, string][] = [
    [86_400, "days"],
    [3600, "h"],
    [60, "min"],
  ];
  const [length, unit] = units.find(([least]) => seconds >= 2 * least) ?? [1, "s"];
  return `${Math.floor(Math.max(0, seconds) / length)} ${unit}`;
}
