import { itemSchema } from "../../../workloads/accuracy/item.ts";
import { score } from "../../../workloads/accuracy/score.ts";
import type { SuiteItem } from "../../../workloads/benchmark/plan.ts";
import type { Answer } from "./run-digest.ts";

/** How a variant did on a suite. Items whose request failed are not asked, and count nowhere. */
export interface SuiteScore {
  readonly correct: number;
  readonly asked: number;
  /** Wilson's interval of the share, 95 %; null where nothing was asked. */
  readonly interval: readonly [number, number] | null;
  /** The smallest difference between two variants that so many paired items would show, at 80 % power; null below ten items. */
  readonly detectable: number | null;
  readonly byKind: Readonly<Record<string, { readonly correct: number; readonly asked: number }>>;
  /** Items that were right, by their ids: what pairs two variants. */
  readonly right: ReadonlySet<string>;
}

const z95 = 1.959964;
const z80 = 0.841621;

/** @param answers of all blocks, each item asked once */
export function scoreSuite(items: readonly SuiteItem[], answers: readonly Answer[]): SuiteScore {
  const right = new Set<string>();
  const byKind: Record<string, { correct: number; asked: number }> = {};
  let asked = 0;
  for (const { prompt, outcome, answer } of answers) {
    const item = items[prompt];
    if (item === undefined || outcome !== "ok" || answer === null) continue;
    const kind = (byKind[item.kind] ??= { correct: 0, asked: 0 });
    asked++;
    kind.asked++;
    if (!score(itemSchema.shape.scorer.parse(item.scorer), answer).correct) continue;
    kind.correct++;
    right.add(item.id);
  }
  const correct = right.size;
  return {
    correct,
    asked,
    interval: wilson(correct, asked),
    detectable: asked < 10 ? null : detectable(asked),
    byKind,
    right,
  };
}

/** Wilson's score interval (E. B. Wilson, JASA 22, 1927): unlike the usual one it holds near 0 and 1, and for small samples. */
export function wilson(correct: number, asked: number): readonly [number, number] | null {
  if (asked === 0) return null;
  const share = correct / asked;
  const z2 = z95 ** 2;
  const centre = (share + z2 / (2 * asked)) / (1 + z2 / asked);
  const half = (z95 / (1 + z2 / asked)) * Math.sqrt((share * (1 - share)) / asked + z2 / (4 * asked ** 2));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/**
 * Of McNemar's test at 5 %, where a third of the items is answered differently by two variants: the share of those that decides is
 * (z95 sqrt(d) + z80 sqrt(d - delta^2)) / sqrt(n), solved for delta by its first term (Connor, Biometrics 43, 1987).
 */
function detectable(asked: number): number {
  const discordant = 1 / 3;
  let delta = (z95 + z80) * Math.sqrt(discordant / asked);
  for (let step = 0; step < 20; step++)
    delta = (z95 * Math.sqrt(discordant) + z80 * Math.sqrt(Math.max(0, discordant - delta ** 2))) / Math.sqrt(asked);
  return Math.min(1, delta);
}

/**
 * McNemar's exact test: whether two variants differ on the items that one of them alone got right (Biometrika 12, 1947). Two-sided.
 * @returns 1 where no item tells them apart
 */
export function mcNemar(onlyA: number, onlyB: number): number {
  const n = onlyA + onlyB;
  if (n === 0) return 1;
  // Binomial(n, 1/2) up to the smaller count, summed in logarithms.
  let log = -n * Math.LN2;
  let tail = Math.exp(log);
  for (let k = 1; k <= Math.min(onlyA, onlyB); k++) {
    log += Math.log((n - k + 1) / k);
    tail += Math.exp(log);
  }
  return Math.min(1, 2 * tail);
}
