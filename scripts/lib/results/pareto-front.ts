/**
 * Those that no other dominates: no other is at least as good in every goal and better in one.
 * @param goals of one, each the larger the better, in the same order for all
 */
export function paretoFront<T>(all: readonly T[], goals: (one: T) => readonly number[]): T[] {
  const dominates = (other: readonly number[], one: readonly number[]) =>
    one.every((goal, index) => (other[index] ?? -Infinity) >= goal) &&
    one.some((goal, index) => (other[index] ?? -Infinity) > goal);
  return all.filter((one) => !all.some((other) => dominates(goals(other), goals(one))));
}
