import type { Comparison, Difference, ScenarioComparison, Side } from "./comparison.ts";
import { formatFailures } from "./format.ts";
import { describeDifference } from "./likeness.ts";

/** What a reader must know before using the figures, one sentence each. */
export function caveatsOf(of: {
  sides: readonly [Side, Side];
  /** Runs of each side that are left out because they can't be believed. */
  invalid: readonly [readonly string[], readonly string[]];
  scenarios: readonly ScenarioComparison[];
  evidence: Comparison["evidence"];
  overlapping: boolean;
  allowed: readonly Difference[];
  unknown: readonly string[];
}): string[] {
  const [a, b] = of.sides;
  const caveats: string[] = [];
  if (of.evidence === "separate")
    caveats.push(
      "The two were not measured in turn: a drift between the sessions (heat, other load) looks like an effect. Bring both stacks up together and their blocks interleave.",
    );
  if (of.overlapping)
    caveats.push("Blocks of the two were measured at the same time on one site: they disturbed each other.");
  if (of.allowed.length > 0)
    caveats.push(`Allowed to differ with --allow: ${of.allowed.map(describeDifference).join("; ")}.`);
  const [ofA, ofB] = [caveatsOfSide(a), caveatsOfSide(b)];
  for (const caveat of new Set([...ofA, ...ofB])) {
    const labels = [...(ofA.includes(caveat) ? [a.label] : []), ...(ofB.includes(caveat) ? [b.label] : [])];
    caveats.push(`${labels.join(" and ")}: ${caveat}`);
  }
  for (const [{ label }, runs] of [[a, of.invalid[0]] as const, [b, of.invalid[1]] as const])
    if (runs.length > 0) caveats.push(`${label}: left out as invalid: ${runs.join(", ")}.`);
  for (const { scenario, outcomes } of of.scenarios)
    for (const [label, outcome] of [
      [a.label, outcomes.a],
      [b.label, outcomes.b],
    ] as const)
      if (Object.keys(outcome.failures).length > 0)
        caveats.push(
          `${label}, ${scenario}: failed requests have no figures (${formatFailures(outcome)}); medians are over the others.`,
        );
  if (of.unknown.length > 0) caveats.push(`Not known on either side, so not compared: ${of.unknown.join(", ")}.`);
  return caveats;
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
