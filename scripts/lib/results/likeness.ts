import { createHash } from "node:crypto";
import { UserError } from "../../../stacks/user-error.ts";
import { canonicalJson } from "../../../workloads/benchmark/plan.ts";
import type { Difference } from "./comparison.ts";
import type { NodeFacts } from "./experiment-outputs.ts";
import type { Manifest } from "./manifest.ts";
import type { SealedRun } from "./sealed-run.ts";

type Measured = Pick<SealedRun, "measurement" | "manifest">;
type Fields = Readonly<Record<string, Difference["a"]>>;

/**
 * Checks that two runs measured the same thing on the same kind of board, apart from their variants' options.
 * @param allow fields that may differ; a field's name covers those below it ("nodes" covers "nodes.model.cpus")
 * @returns the differences that were allowed, and the fields that neither run knows
 * @throws UserError with every difference that was not allowed
 */
export function checkLikeness(
  [runA, runB]: readonly [Measured, Measured],
  allow: readonly string[],
): { allowed: Difference[]; unknown: string[] } {
  const [fieldsA, fieldsB] = [fieldsOf(runA.manifest), fieldsOf(runB.manifest)];
  const names = [...new Set([...Object.keys(fieldsA), ...Object.keys(fieldsB)])].sort();
  const covers = (name: string) => (field: string) => field === name || field.startsWith(`${name}.`);
  for (const name of allow)
    if (!names.some(covers(name)))
      throw new UserError({
        what: `--allow ${name}: there is no such field`,
        next: `name one of ${[...new Set(names.map((field) => field.split(".")[0]))].join(", ")}, or a part of one such as nodes.model.cpus`,
      });

  const differences = names
    .map((field) => ({ field, a: fieldsA[field] ?? null, b: fieldsB[field] ?? null }))
    .filter((difference) => difference.a !== difference.b);
  const refused = differences.filter(({ field }) => !allow.some((name) => covers(name)(field)));
  if (refused.length > 0) {
    const lines = refused.map((difference) => `  - ${describeDifference(difference)}`);
    throw new UserError({
      what: `${nameOf(runA)} and ${nameOf(runB)} did not measure alike; ${lines.length === 1 ? "this differs" : `these ${lines.length} differ`}:\n${lines.join("\n")}`,
      next: `measure both alike; or, where it is meant to differ: ${refused.map(({ field }) => `--allow ${field}`).join(" ")}`,
    });
  }
  return { allowed: differences, unknown: names.filter((name) => fieldsA[name] === null && fieldsB[name] === null) };
}

const nameOf = ({ manifest, measurement }: Measured) => `${manifest.stack} (${measurement})`;

export function describeDifference({ field, a, b }: Difference): string {
  return `${field}: ${a ?? "unknown"} | ${b ?? "unknown"}`;
}

/** Everything that must be equal. The series, the site's name and the nodes' names may differ: they measure nothing. */
function fieldsOf({ plan, versions, nodes }: Manifest): Fields {
  const fields: Record<string, Difference["a"]> = {
    blocks: plan.blocks,
    seed: plan.seed,
    primary: plan.primary,
    model: plan.model.digest,
    "images.ollama": plan.images.ollama,
    "images.runner": plan.images.runner,
    runner: plan.runner,
    "versions.k3s": versions.k3s,
    "versions.ollama": versions.ollama.join(", ") || null,
    "nodes.shared": plan.nodes.model === plan.nodes.runner,
  };
  for (const [scenario, settings] of Object.entries(plan.scenarios)) {
    for (const [name, value] of Object.entries<string | number>({ ...settings }))
      fields[`scenarios.${scenario}.${name}`] = value;
    const prompts = canonicalJson(plan.prompts[settings.prompts] ?? null);
    fields[`prompts.${settings.prompts}`] = `sha256:${createHash("sha256").update(prompts).digest("hex").slice(0, 12)}`;
  }
  for (const role of ["model", "runner"] as const)
    for (const [name, value] of Object.entries(boardClass(nodes[plan.nodes[role]])))
      fields[`nodes.${role}.${name}`] = value;
  return fields;
}

function boardClass(facts: NodeFacts | undefined): Fields {
  const memory = facts?.memoryMegabytes ?? null;
  return {
    architecture: facts?.architecture ?? null,
    model: facts?.model ?? null,
    pageSize: facts?.pageSize ?? null,
    cpus: facts?.cpus ?? null,
    // What the kernel leaves of a board's memory varies a little between its releases.
    gigabytes: memory === null ? null : Math.round(memory / 1024),
  };
}
