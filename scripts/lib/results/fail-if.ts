import { UserError } from "../../../stacks/user-error.ts";
import type { Comparison, Decision, PairComparison } from "./comparison.ts";
import { alpha } from "./effect.ts";
import { formatP, formatPercent } from "./format.ts";
import { metrics } from "./metrics.ts";
import { holm } from "./statistics.ts";

/** What fails a check: see docs/comparing.md. Limits are fractions. */
export type Condition =
  | { readonly kind: "slower" | "longer" | "less-accurate" | "failing"; readonly limit: number }
  | { readonly kind: "undecided" };

const grammar = "write slower:5%, longer:10%, less-accurate:3 (points), failing:1% or undecided";

/** @throws UserError for what is no condition */
export function parseCondition(text: string): Condition {
  if (text === "undecided") return { kind: text };
  const [, kind, digits, percent] =
    /^(slower|longer|less-accurate|failing):(\d{1,3}(?:\.\d{1,3})?)(%?)$/.exec(text) ?? [];
  const limit = Number(digits) / 100;
  const inPoints = kind === "less-accurate";
  // Nothing can be slower by more than all of it; a time can be longer by any factor.
  const sensible = limit > 0 && (kind === "longer" || limit <= 1);
  if (kind === undefined || (percent === "") !== inPoints || !sensible)
    throw new UserError({ what: `--fail-if ${text} can't be read`, next: grammar });
  return { kind: kind as Exclude<Condition["kind"], "undecided">, limit };
}

/**
 * The conditions that hold, each as a sentence that names the side and why.
 * @throws UserError where a condition asks for what was not measured, or what separate sessions can't decide
 */
export function failuresOf(comparison: Comparison, conditions: readonly Condition[]): string[] {
  return conditions.flatMap((condition) => {
    switch (condition.kind) {
      case "slower":
      case "longer":
        return worse(comparison, condition.kind, condition.limit);
      case "less-accurate":
        return lessAccurate(comparison, condition.limit);
      case "failing":
        return failing(comparison, condition.limit);
      case "undecided":
        return undecided(comparison);
    }
  });
}

/** Shares of the same counts differ in their last bits. */
const reaches = (value: number, limit: number) => value >= limit - 1e-9;

interface Decided {
  readonly label: string;
  readonly pair: PairComparison;
  readonly decision: Decision;
}

function decisionsOf({ sides, pairs }: Comparison): Decided[] {
  return pairs.flatMap((pair, place) =>
    pair.decisions.map((decision) => ({ label: sides[place + 1]?.label ?? "", pair, decision })),
  );
}

/** What sessions differ by in themselves looks like a slow-down in every second comparison (docs/comparing.md). */
const isApart = ({ evidence, referenced }: PairComparison) => evidence === "separate" && !referenced;

/** A difference beyond noise whose estimate is at least so much worse, in the primary metrics that are rates, or times. */
function worse(comparison: Comparison, kind: "slower" | "longer", limit: number): string[] {
  const own = decisionsOf(comparison).filter(
    ({ decision }) => (metrics[decision.metric].unit === "tokens/s") === (kind === "slower"),
  );
  if (own.length === 0) throw notMeasured(kind, `no primary metric is a ${kind === "slower" ? "rate" : "time"}`);
  const apart = own.filter(({ pair }) => isApart(pair)).map(({ label }) => label);
  if (apart.length > 0)
    throw new UserError({
      what: `--fail-if ${kind}: ${[...new Set(apart)].join(", ")} and the baseline were measured in separate sessions without the same reference run, and how the sessions differ can't be told from a difference`,
      next: "bring both stacks up together, or give both experiments the same reference",
    });
  return own.flatMap(({ label, decision: { metric, effect, beyondNoise, adjusted } }) => {
    const { ratio } = effect;
    if (!beyondNoise || ratio === null || adjusted === null) return [];
    const change = kind === "slower" ? 1 - ratio : ratio - 1;
    if (!reaches(change, limit)) return [];
    return [
      `${label} is ${kind} by ${formatPercent(change)} % in ${metrics[metric].label} (${formatP(adjusted)}), and ${formatPercent(limit)} % is the limit`,
    ];
  });
}

/** A difference beyond noise by McNemar's test, by Holm over all suites and sides, of at least so many points. */
function lessAccurate({ sides, pairs }: Comparison, limit: number): string[] {
  const tests = pairs.flatMap(({ scenarios }, place) =>
    scenarios.flatMap(({ scenario, accuracy }) =>
      accuracy === null ? [] : [{ label: sides[place + 1]?.label ?? "", scenario, accuracy }],
    ),
  );
  if (tests.length === 0) throw notMeasured("less-accurate", "no scenario asks a suite");
  const adjusted = holm(tests.map(({ accuracy }) => accuracy.p));
  return tests.flatMap(({ label, scenario, accuracy: { a, b } }, index) => {
    const p = adjusted[index] ?? 1;
    const points = a.correct / a.asked - b.correct / b.asked;
    if (p > alpha || !reaches(points, limit)) return [];
    return [
      `${label} is less accurate by ${formatPercent(points)} points in ${scenario} (McNemar ${formatP(p)}), and ${formatPercent(limit)} are the limit`,
    ];
  });
}

/** Counted, not tested: a side but the baseline of whose requests at least this share failed. */
function failing({ sides, pairs }: Comparison, limit: number): string[] {
  return pairs.flatMap(({ scenarios }, place) => {
    const counted = scenarios.map(({ outcomes }) => outcomes.b);
    const requests = counted.reduce((sum, one) => sum + one.requests, 0);
    const failed = counted.flatMap(({ failures }) => Object.values(failures)).reduce((sum, count) => sum + count, 0);
    if (requests === 0 || !reaches(failed / requests, limit)) return [];
    return [
      `${sides[place + 1]?.label ?? ""}: ${failed} of ${requests} requests failed (${formatPercent(failed / requests)} %), and ${formatPercent(limit)} % is the limit`,
    ];
  });
}

/** Neither a difference beyond noise nor equivalence; and whatever separate sessions say by themselves. */
function undecided(comparison: Comparison): string[] {
  return decisionsOf(comparison).flatMap(({ pair, decision: { verdict, sentence } }) =>
    verdict === "too-few" || verdict === "within-noise" || isApart(pair) ? [`undecided: ${sentence}`] : [],
  );
}

function notMeasured(kind: string, what: string): UserError {
  return new UserError({ what: `--fail-if ${kind} can never hold: ${what}`, next: `leave it out, or ${grammar}` });
}
