import { UserError } from "../../../stacks/user-error.ts";
import type { Difference, Side } from "./comparison.ts";
import { nodeFactsSchema } from "./experiment-outputs.ts";
import { blockStates } from "./manifest.ts";
import type { SealedRun } from "./sealed-run.ts";

/** A variant of a sealed run. */
export interface Compared {
  readonly run: SealedRun;
  readonly variant: string;
}

/** The shortest names that tell variants of runs apart. */
export function labelsOf(all: readonly Compared[]): string[] {
  const stacks = all.map(({ run }) => run.manifest.stack);
  const distinct = new Set(stacks).size === stacks.length;
  const alike = new Set(all.map(({ variant }) => variant)).size === 1;
  const labels = all.map(({ run: { manifest }, variant }) => {
    const single = (distinct && alike) || Object.keys(manifest.plan.variants).length === 1;
    return single ? manifest.stack : `${manifest.stack}:${variant}`;
  });
  return labels.map((label, place) =>
    labels.filter((other) => other === label).length > 1 ? `${label}@${all[place]?.run.measurement ?? ""}` : label,
  );
}

/** @throws UserError where two sides are one variant of one run */
export function checkDistinct(all: readonly Compared[]): void {
  const seen = new Set<string>();
  for (const { run, variant } of all) {
    const { stack } = run.manifest;
    const name = `${stack}/${run.measurement}/${variant}`;
    if (seen.has(name))
      throw new UserError({
        what: `two sides are variant ${variant} of run ${run.measurement}`,
        where: `results/${stack}`,
        next: `name another variant (${stack}:<variant>), or another run (${stack}@<run-id> or ${stack}@<series>)`,
      });
    seen.add(name);
  }
}

export function sideOf(label: string, { run: { measurement, manifest }, variant }: Compared): Side {
  const { stack, runId, plan, planDigest, site, versions, source, measured, nodes } = manifest;
  const options = plan.variants[variant];
  const model = plan.models[options?.model ?? ""];
  if (options === undefined || model === undefined) throw new Error(`run ${runId} has no variant ${variant}`);
  const counts = Object.fromEntries(
    blockStates.map((state) => [state, manifest.blocks.filter((block) => block.state === state).length]),
  ) as Record<(typeof blockStates)[number], number>;
  const facts = (name: string) => ({ ...nodeFactsSchema.parse(nodes[name] ?? {}), name });
  return {
    label,
    stack,
    runId,
    measurement,
    variant,
    options,
    series: plan.series,
    site,
    model,
    images: plan.images,
    versions,
    nodes: { model: facts(options.node), runner: facts(plan.nodes.runner) },
    source,
    blocks: { planned: plan.blocks, ...counts },
    measured,
    planDigest,
  };
}

/** Between runs the names of model and node measure nothing: what stands behind them has to be alike, or be allowed. */
export function optionsThatDiffer(a: Side, b: Side, within: boolean): Difference[] {
  const all = Object.keys(a.options) as (keyof Side["options"])[];
  const names = all.filter((name) => within || (name !== "model" && name !== "node"));
  return names
    .map((field) => ({ field, a: a.options[field], b: b.options[field] }))
    .filter((difference) => difference.a !== difference.b);
}
