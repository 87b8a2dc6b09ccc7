import type { SuiteItem } from "../../../workloads/benchmark/plan.ts";
import type { Accuracy } from "./comparison.ts";
import type { Answer } from "./run-digest.ts";
import { mcNemar, scoreSuite } from "./suite-scores.ts";

/** Compares two variants on the items that both answered; null where there is no suite, or no such item. */
export function compareAccuracy(
  items: readonly SuiteItem[] | undefined,
  a: readonly Answer[],
  b: readonly Answer[],
): Accuracy | null {
  if (items === undefined) return null;
  const answered = (answers: readonly Answer[]) =>
    new Set(answers.flatMap(({ outcome, prompt }) => (outcome === "ok" ? [prompt] : [])));
  const [byA, byB] = [answered(a), answered(b)];
  const both = ({ prompt }: Answer) => byA.has(prompt) && byB.has(prompt);
  const [scoreA, scoreB] = [scoreSuite(items, a.filter(both)), scoreSuite(items, b.filter(both))];
  if (scoreA.asked === 0) return null;
  const share = ({ correct, asked, interval }: typeof scoreA) => ({
    correct,
    asked,
    interval: interval === null ? null : ([...interval] as [number, number]),
  });
  const onlyA = [...scoreA.right].filter((id) => !scoreB.right.has(id)).length;
  const onlyB = [...scoreB.right].filter((id) => !scoreA.right.has(id)).length;
  return { a: share(scoreA), b: share(scoreB), onlyA, onlyB, p: mcNemar(onlyA, onlyB), detectable: scoreA.detectable };
}
