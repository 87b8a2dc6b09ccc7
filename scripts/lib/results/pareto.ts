import type { Pareto } from "./comparison.ts";
import { paretoFront } from "./pareto-front.ts";
import type { SealedRun } from "./sealed-run.ts";
import { labelsOf } from "./sides.ts";
import type { RunSummary } from "./summary.ts";

type Point = Pareto["points"][number];
type Dimension = Pareto["dimensions"][number];

/** The larger the better: energy counts against. */
const goals: Readonly<Record<Dimension, 1 | -1>> = { accuracy: 1, decodeRate: 1, joulesPerToken: -1 };
const names = Object.keys(goals) as Dimension[];

/**
 * Accuracy, speed and energy of all variants of the runs, and which of them no other beats. What is known of none is no dimension;
 * a variant of which a dimension is not known is neither on the front nor off it.
 */
export function paretoOf(
  all: readonly { readonly run: SealedRun; readonly summaries: readonly RunSummary[] }[],
): Pareto {
  const variants = all.flatMap(({ run, summaries }) =>
    Object.keys(run.manifest.plan.variants)
      .sort()
      .map((variant) => ({ run, variant, summaries: summaries.filter((one) => one.variant === variant) })),
  );
  const labels = labelsOf(variants);
  const points = variants.map(({ run, variant, summaries }, place) => ({
    ...{ label: labels[place] ?? "", stack: run.manifest.stack, measurement: run.measurement, variant },
    ...worthOf(summaries),
  }));
  const dimensions = names.filter((name) => points.some((point) => point[name] !== null));
  const known = points.filter((point) => dimensions.every((name) => point[name] !== null));
  const front = new Set(
    paretoFront(known, (point) => dimensions.map((name) => goals[name] * (point[name] ?? -Infinity))),
  );
  const isKnown = new Set(known);
  return {
    dimensions,
    points: points.map((point) => ({ ...point, onFront: isKnown.has(point) ? front.has(point) : null })),
  };
}

/** A dimension of which one scenario knows nothing is not known: the others alone would be another thing. */
function worthOf(summaries: readonly RunSummary[]): Pick<Point, Dimension> {
  const scores = summaries.flatMap(({ score }) => score ?? []);
  const asked = scores.reduce((sum, score) => sum + score.asked, 0);
  const correct = scores.reduce((sum, score) => sum + score.correct, 0);
  const joules = summaries.map(({ tokensPerJoule }) => (tokensPerJoule === null ? null : 1 / tokensPerJoule));
  return {
    accuracy: asked === 0 ? null : correct / asked,
    decodeRate: geometricMean(summaries.map(({ decodeRate }) => decodeRate)),
    joulesPerToken: geometricMean(joules),
  };
}

function geometricMean(values: readonly (number | null)[]): number | null {
  const logs = values.flatMap((value) => (value === null || value <= 0 ? [] : [Math.log(value)]));
  if (logs.length === 0 || logs.length < values.length) return null;
  return Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
}
