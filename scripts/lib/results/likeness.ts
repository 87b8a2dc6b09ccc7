import { createHash } from "node:crypto";
import { UserError } from "../../../stacks/user-error.ts";
import { canonicalJson } from "../../../workloads/benchmark/plan.ts";
import type { Difference } from "./comparison.ts";
import type { NodeFacts } from "./experiment-outputs.ts";
import type { Manifest } from "./manifest.ts";
import type { SealedRun } from "./sealed-run.ts";
import type { SideRuns } from "./side-runs.ts";

export interface Measured {
  readonly run: Pick<SealedRun, "measurement" | "manifest">;
  readonly variant: string;
  /** Its runs that must not be believed, each in words. */
  readonly leftOut: SideRuns["leftOut"];
}
type Fields = Readonly<Record<string, Difference["a"]>>;

export interface Likeness {
  /** Differences that were allowed. */
  readonly allowed: Difference[];
  /** Fields that neither run knows. */
  readonly unknown: string[];
}

/**
 * Checks that all measured the same thing as the first, the baseline, on the same kind of board, and may be believed; apart
 * from what a variant is meant to differ in: threads, context and prompt modules always, model and node where both belong to
 * one run.
 * @param allow fields that may differ; a field's name covers those below it ("nodes" covers "nodes.model.cpus")
 * @returns of each of the others
 * @throws UserError with every difference that was not allowed
 */
export function checkLikeness(all: readonly Measured[], allow: readonly string[]): Likeness[] {
  const [baseline, ...others] = all as [Measured, ...Measured[]];
  const compared = others.map((other) => ({ other, ...compareFields(baseline, other) }));
  const names = [...new Set(compared.flatMap((one) => one.names))];
  for (const name of allow)
    if (!names.some(covers(name)))
      throw new UserError({
        what: `--allow ${name}: there is no such field`,
        next: `name one of ${[...new Set(names.map((field) => field.split(".")[0]))].join(", ")}, or a part of one such as nodes.model.cpus`,
      });
  const isAllowed = ({ field }: Difference) => allow.some((name) => covers(name)(field));
  const refused = compared.flatMap(({ other, differences }) => {
    const not = differences.filter((difference) => !isAllowed(difference));
    return not.length === 0 ? [] : [{ other, differences: not }];
  });
  if (refused.length > 0) {
    const fields = new Set(refused.flatMap(({ differences }) => differences.map(({ field }) => field)));
    throw new UserError({
      what: refused.map(({ other, differences }) => describeRefusal(baseline, other, differences)).join("\n"),
      next: `measure both alike; or, where it is meant to differ: ${[...fields].map((field) => `--allow ${field}`).join(" ")}`,
    });
  }
  return compared.map(({ differences, unknown }) => ({ allowed: differences, unknown }));
}

const covers = (name: string) => (field: string) => field === name || field.startsWith(`${name}.`);

function compareFields(a: Measured, b: Measured): { names: string[]; differences: Difference[]; unknown: string[] } {
  const within = isOneRun(a, b);
  const [fieldsA, fieldsB] = [fieldsOf(a, within), fieldsOf(b, within)];
  const names = [...new Set([...Object.keys(fieldsA), ...Object.keys(fieldsB)])].sort();
  const unlike = names
    .map((field) => ({ field, a: fieldsA[field] ?? null, b: fieldsB[field] ?? null }))
    .filter((difference) => difference.a !== difference.b);
  const differences = [...unlike, ...unbelievable(a, b)];
  const unknown = names.filter((name) => fieldsA[name] === null && fieldsB[name] === null);
  return { names: [...names, ...reasons], differences, unknown };
}

const reasons = ["throttled", "invalid"] as const;

/** Two sides that both throttled are no more alike for it: whatever must not be believed is a difference. */
function unbelievable(a: Measured, b: Measured): Difference[] {
  return reasons
    .filter((reason) => a.leftOut[reason].length > 0 || b.leftOut[reason].length > 0)
    .map((field) => ({ field, a: describeLeftOut(a.leftOut[field]), b: describeLeftOut(b.leftOut[field]) }));
}

/** How many are named one by one. */
const named = 3;

function describeLeftOut(runs: readonly string[]): string {
  const more = runs.length > named ? [`and ${runs.length - named} more`] : [];
  return runs.length === 0 ? "none" : [...runs.slice(0, named), ...more].join(", ");
}

function describeRefusal(a: Measured, b: Measured, differences: readonly Difference[]): string {
  const lines = differences.map((difference) => `  - ${describeDifference(difference)}`);
  return `${nameOf(a)} and ${nameOf(b)} did not measure alike; ${lines.length === 1 ? "this differs" : `these ${lines.length} differ`}:\n${lines.join("\n")}`;
}

/** Whether both are variants of one measurement. */
export function isOneRun(a: Pick<Measured, "run">, b: Pick<Measured, "run">): boolean {
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
    primary: plan.primary.join(", "),
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
