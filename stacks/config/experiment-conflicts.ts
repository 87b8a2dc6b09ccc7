import type { Conflict } from "./conflict.ts";
import { experimentSchema, type Experiment } from "./experiment.ts";

/** Most variants of one experiment: beyond it a block takes days, and more is a mistake in the dimensions. */
const mostVariants = 256;

/** What contradicts itself in an experiment's values; none where they can't be read. */
export function findExperimentConflicts(value: unknown): Conflict[] {
  const { data } = experimentSchema.safeParse(value);
  if (data === undefined) return [];
  return [...findUnknownNames(data), ...findModuleConflicts(data), ...findTooMany(data), ...findFewItems(data)];
}

function findUnknownNames({ models, nodes, variants, reference }: Experiment): Conflict[] {
  const isModel = (name: string) => name in models;
  const unknownModels = (variants.model ?? []).filter((name) => !isModel(name));
  const unknownNodes = (variants.node ?? []).filter((name) => !nodes.models.includes(name));
  return [
    ...unknownModels.map((name) => ({ path: ["variants", "model"], message: `names ${name}, which models has not` })),
    ...unknownNodes.map((name) => ({
      path: ["variants", "node"],
      message: `names ${name}, which nodes.models has not`,
    })),
    ...(reference !== undefined && !isModel(reference.model)
      ? [{ path: ["reference", "model"], message: `names ${reference.model}, which models has not` }]
      : []),
  ];
}

function findModuleConflicts({ modules, variants }: Experiment): Conflict[] {
  const wanted = variants.modules.filter((name) => name !== "none");
  if (wanted.length > 0 && modules === undefined)
    return [{ path: ["variants", "modules"], message: `names ${wanted.join(", ")}, but there is no modules file` }];
  if (wanted.length === 0 && modules !== undefined)
    return [{ path: ["modules"], message: "is used by no variant: name combinations under variants.modules" }];
  return [];
}

function findTooMany({ models, nodes, variants }: Experiment): Conflict[] {
  const dimensions = [variants.model ?? Object.keys(models), variants.node ?? nodes.models, variants.threads];
  const count = [...dimensions, variants.context, variants.modules].reduce(
    (product, { length }) => product * length,
    1,
  );
  return count <= mostVariants
    ? []
    : [{ path: ["variants"], message: `make ${count} variants; ${mostVariants} are the most that one experiment has` }];
}

/** A suite's items are dealt out over the blocks: each block needs one at least. */
function findFewItems({ scenarios, blocks }: Experiment): Conflict[] {
  return Object.entries(scenarios).flatMap(([name, { items }]) =>
    items !== undefined && items < blocks
      ? [
          {
            path: ["scenarios", name, "items"],
            message: `${items} are fewer than the ${blocks} blocks that they are dealt out to`,
          },
        ]
      : [],
  );
}
