import { UserError } from "../../../stacks/user-error.ts";
import { parseMeasurementName, type ResultsLayout } from "./layout.ts";
import { openSealedRun, type SealedRun } from "./sealed-run.ts";
import type { Compared } from "./sides.ts";

/** What a person names on the command line. */
export interface Operand {
  readonly stack: string;
  /** "*" is each variant of the run; undefined is its only one. */
  readonly variant: string | undefined;
  /** A sealed run's name, or the number of a series; undefined is the newest run. */
  readonly run: string | number | undefined;
}

const grammar = "write <stack>, <stack>:<variant> or <stack>:*, and behind it @<run-id> or @<series> for another run";

/** @throws UserError for what is no operand */
export function parseOperand(text: string): Operand {
  const [, stack, variant, run] = /^([A-Za-z0-9_.-]+)(?::(\*|[a-z0-9.+-]+))?(?:@(.*))?$/.exec(text) ?? [];
  if (stack === undefined || /^\.+$/.test(stack)) throw new UserError({ what: `${text} can't be read`, next: grammar });
  if (run === undefined || parseMeasurementName(run) !== null) return { stack, variant, run };
  // A run-id can be of digits alone, but has twelve of them.
  if (/^[1-9][0-9]{0,8}$/.test(run)) return { stack, variant, run: Number(run) };
  throw new UserError({
    what: `${text}: ${run === "" ? "nothing" : run} is neither a run nor a series`,
    next: "write @<run-id>, 12 hexadecimal digits, @<run-id>-2 where its plan was measured again, or @<number of the series>",
  });
}

/**
 * The variants that operands name, in their order, each run read once. A single operand without a variant is all variants of
 * its run.
 * @throws UserError where there is no such run or variant, where a variant has to be named, or where there is but one
 */
export async function openOperands(layout: ResultsLayout, texts: readonly string[]): Promise<Compared[]> {
  const operands = texts.map(parseOperand);
  const opened = new Map<string, Promise<SealedRun>>();
  const compared: Compared[] = [];
  for (const { stack, variant, run: name } of operands) {
    const key = JSON.stringify([stack, name]);
    const opening = opened.get(key) ?? openSealedRun(layout, stack, name);
    opened.set(key, opening);
    const run = await opening;
    const chosen = variant ?? (operands.length === 1 ? "*" : undefined);
    compared.push(...variantsOf(run, chosen).map((one) => ({ run, variant: one })));
  }
  const [only, ...others] = compared;
  if (only !== undefined && others.length === 0)
    throw new UserError({
      what: `there is nothing to compare variant ${only.variant} of run ${only.run.measurement} with`,
      where: `results/${only.run.manifest.stack}`,
      next: "name another stack, another run (<stack>@<run-id> or <stack>@<series>), or all variants of a run (<stack>:*)",
    });
  return compared;
}

function variantsOf({ measurement, manifest: { stack, plan } }: SealedRun, chosen: string | undefined): string[] {
  const names = Object.keys(plan.variants).sort();
  if (chosen === "*" || (chosen === undefined && names.length === 1)) return names;
  if (chosen !== undefined && names.includes(chosen)) return [chosen];
  throw new UserError({
    what:
      chosen === undefined
        ? `run ${measurement} has ${names.length} variants`
        : `run ${measurement} has no variant ${chosen}`,
    where: `results/${stack}`,
    next: `name one of them: ${names.map((name) => `${stack}:${name}`).join(", ")}; or all of them: ${stack}:*`,
  });
}
