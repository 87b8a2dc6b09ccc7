import type { Variant } from "../workloads/benchmark/plan.ts";
import type { Experiment } from "./config/experiment.ts";

/** The name of the only variant where no dimension has more than one value. */
export const onlyVariant = "base";

/**
 * Every combination of the dimensions' values, by name. A name says the values of those dimensions that have more than
 * one ("gemma.threads-4"), so that stacks which differ in one setting have variants of the same names, and pair.
 * @param combinations names of the combinations of prompt modules; "none" is the bare task
 */
export function variantsOf(
  { models, nodes, variants }: Pick<Experiment, "models" | "nodes" | "variants">,
  combinations: readonly string[],
): Record<string, Variant> {
  const dimensions: readonly Dimension[] = [
    { values: variants.model ?? Object.keys(models).sort(), part: String },
    { values: variants.node ?? nodes.models, part: String },
    { values: variants.threads, part: (value) => `threads-${value}` },
    { values: variants.context, part: (value) => `context-${value}` },
    { values: combinations, part: String },
  ];
  return Object.fromEntries(
    productOf(dimensions.map(({ values }) => values)).map((point) => {
      const [model, node, threads, context, modules] = point;
      const parts = dimensions.flatMap(({ values, part }, index) =>
        values.length > 1 ? [part(point[index] ?? "")] : [],
      );
      const variant: Variant = {
        model: String(model),
        node: String(node),
        threads: Number(threads),
        context: Number(context),
        modules: modules === "none" ? null : String(modules),
      };
      return [parts.length === 0 ? onlyVariant : parts.join("."), variant];
    }),
  );
}

interface Dimension {
  readonly values: readonly (string | number)[];
  readonly part: (value: string | number) => string;
}

/** All points of a grid, the last dimension changing fastest. */
function productOf<Value>(dimensions: readonly (readonly Value[])[]): Value[][] {
  return dimensions.reduce<Value[][]>(
    (points, values) => points.flatMap((point) => values.map((value) => [...point, value])),
    [[]],
  );
}
