import { createHash } from "node:crypto";
import { UserError } from "../../../stacks/user-error.ts";
import { canonicalJson } from "../../../workloads/benchmark/plan.ts";
import type { Difference } from "./comparison.ts";
import type { NodeFacts } from "./experiment-outputs.ts";
import type { Manifest } from "./manifest.ts";
import type { SealedRun } from "./sealed-run.ts";

interface Measured {
  readonly run: Pick<SealedRun, "measurement" | "manifest">;
  readonly variant: string;
}
type Fields = Readonly<Record<string, Difference["a"]>>;

/**
 * Checks that two variants measured the same thing on the same kind of board, apart from what a variant is meant to
 * differ in: threads, context and prompt modules always, model and node where both belong to one run.
 * @param allow fields that may differ; a field's name covers those below it ("nodes" covers "nodes.model.cpus")
 * @returns the differences that were allowed, and the fields that neither run knows
 * @throws UserError with every difference that was not allowed
 */
export function checkLikeness(
  [a, b]: readonly [Measured, Measured],
  allow: readonly string[],
): { allowed: Difference[]; unknown: string[] } {
  const within = isOneRun(a, b);
  const [fieldsA, fieldsB] = [fieldsOf(a, within), fieldsOf(b, within)];
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
      what: `${nameOf(a)} and ${nameOf(b)} did not measure alike; ${lines.length === 1 ? "this differs" : `these ${lines.length} differ`}:\n${lines.join("\n")}`,
      next: `measure both alike; or, where it is meant to differ: ${refused.map(({ field }) => `--allow ${field}`).join(" ")}`,
    });
  }
  return { allowed: differences, unknown: names.filter((name) => fieldsA[name] === null && fieldsB[name] === null) };
}

/** Whether both are variants of one measurement. */
export function isOneRun(a: Measured, b: Measured): boolean {
  return a.run.manifest.stack === b.run.manifest.stack && a.run.measurement === b.run.measurement;
}

const nameOf = ({ run: { manifest, measurement } }: Measured) => `${manifest.stack} (${measurement})`;

export function describeDifference({ field, a, b }: Difference): string {
  return `${field}: ${a ?? "unknown"} | ${b ?? "unknown"}`;
}

/** Everything that must be equal. The series, the site's name and the nodes' names may differ: they measure nothing. */
function fieldsOf({ run: { manifest }, variant }: Measured, within: boolean): Fields {
  const { plan, versions, nodes } = manifest;
  const fields: Record<string, Difference["a"]> = {
    blocks: plan.blocks,
    seed: plan.seed,
    primary: plan.primary,
    "images.ollama": plan.images.ollama,
    "images.runner": plan.images.runner,
    runner: plan.runner,
    "versions.k3s": versions.k3s,
    "versions.ollama": versions.ollama.join(", ") || null,
    coolDown: plan.coolDown === null ? "none" : canonicalJson(plan.coolDown),
  };
  for (const [name, value] of Object.entries<string | number | boolean>({ ...plan.server }))
    fields[`server.${name}`] = value;
  for (const [scenario, settings] of Object.entries(plan.scenarios)) {
    const { load, ...others } = settings;
    for (const [name, value] of Object.entries(others)) fields[`scenarios.${scenario}.${name}`] = value ?? "none";
    for (const [name, value] of Object.entries<string | number>({ ...load }))
      fields[`scenarios.${scenario}.load.${name}`] = value;
    if (settings.prompts !== null) fields[`prompts.${settings.prompts}`] = digestOf(plan.prompts[settings.prompts]);
    if (settings.suite !== null) fields[`suites.${settings.suite}`] = digestOf(plan.suites[settings.suite]);
  }
  for (const [name, value] of Object.entries(boardClass(nodes[plan.nodes.runner])))
    fields[`nodes.runner.${name}`] = value;
  return within ? fields : { ...fields, ...fieldsOfVariant(manifest, variant) };
}

/** What a variant is served with and on. The model's own name and the node's measure nothing. */
function fieldsOfVariant({ plan, nodes }: Manifest, name: string): Fields {
  const variant = plan.variants[name];
  if (variant === undefined) throw new Error(`the plan has no variant ${name}`);
  return {
    model: plan.models[variant.model]?.digest ?? null,
    "nodes.shared": variant.node === plan.nodes.runner,
    ...Object.fromEntries(
      Object.entries(boardClass(nodes[variant.node])).map(([field, value]) => [`nodes.model.${field}`, value]),
    ),
  };
}

function digestOf(value: unknown): string {
  const text = canonicalJson(value ?? null);
  return `sha256:${createHash("sha256").update(text).digest("hex").slice(0, 12)}`;
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
