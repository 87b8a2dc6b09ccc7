import type { Difference, PairComparison, Side } from "./comparison.ts";
import { enumerate, formatFailures } from "./format.ts";
import { describeDifference } from "./likeness.ts";
import type { SideRuns } from "./side-runs.ts";

/** What a reader must know of a pair, one sentence each. */
export function caveatsOfPair(of: {
  readonly evidence: PairComparison["evidence"];
  readonly overlapping: boolean;
  readonly allowed: readonly Difference[];
  readonly unknown: readonly string[];
}): string[] {
  const caveats: string[] = [];
  if (of.evidence === "separate")
    caveats.push(
      "The two were not measured in turn: a drift between the sessions (heat, other load) looks like an effect. Bring both stacks up together and their blocks interleave.",
    );
  if (of.overlapping)
    caveats.push("Blocks of the two were measured at the same time on one site: they disturbed each other.");
  if (of.allowed.length > 0)
    caveats.push(`Allowed to differ with --allow: ${of.allowed.map(describeDifference).join("; ")}.`);
  if (of.unknown.length > 0) caveats.push(`Not known on either side, so not compared: ${of.unknown.join(", ")}.`);
  return caveats;
}

/** What a reader must know of the sides before using the figures, one sentence each. */
export function caveatsOfSides(
  sides: readonly Side[],
  leftOut: readonly SideRuns["leftOut"][],
  pairs: readonly PairComparison[],
): string[] {
  const caveats = [...sharedCaveats(sides)];
  for (const [index, { label }] of sides.entries()) {
    const runs = Object.values(leftOut[index] ?? {}).flat();
    if (runs.length > 0) caveats.push(`${label}: left out as invalid: ${runs.join(", ")}.`);
  }
  for (const [index, { label }] of sides.entries())
    for (const { scenario, outcomes } of pairs[Math.max(0, index - 1)]?.scenarios ?? []) {
      const outcome = outcomes[index === 0 ? "a" : "b"];
      if (Object.keys(outcome.failures).length > 0)
        caveats.push(
          `${label}, ${scenario}: failed requests have no figures (${formatFailures(outcome)}); medians are over the others.`,
        );
    }
  return caveats;
}

/** Caveats with the sides that have them. */
function sharedCaveats(sides: readonly Side[]): string[] {
  const labels = new Map<string, string[]>();
  for (const side of sides)
    for (const caveat of caveatsOfSide(side)) labels.set(caveat, [...(labels.get(caveat) ?? []), side.label]);
  return [...labels].map(([caveat, of]) => `${enumerate(of)}: ${caveat}`);
}

function caveatsOfSide({ nodes, blocks, source }: Side): string[] {
  const caveats: string[] = [];
  const { model, virtualization } = nodes.model;
  if (virtualization !== null && virtualization !== "none")
    caveats.push(
      `measured on a twin: its nodes are virtual (${virtualization}) and share one machine. The figures are that machine's, not a board's.`,
    );
  else if (model === null)
    caveats.push("measured on a node that names no board, as a twin's do not. The figures are that machine's.");
  const lost = (["partial", "missing", "invalid"] as const).filter((state) => blocks[state] > 0);
  if (lost.length > 0)
    caveats.push(`of ${blocks.planned} blocks, ${lost.map((state) => `${blocks[state]} ${state}`).join(", ")}.`);
  if (source?.dirty === true)
    caveats.push(`collected from a checkout with uncommitted changes on ${source.commit.slice(0, 12)}.`);
  return caveats;
}
