import { createHash } from "node:crypto";
import type { Plan, Scenario, Variant } from "./plan.ts";

/** One variant under one scenario, and where the two stand in the plan's sorted names. */
export interface Run {
  readonly variant: string;
  readonly scenario: string;
  /** "<variant>/<scenario>", as the journal names it. */
  readonly name: string;
  /** Position among all runs sorted by name. */
  readonly index: number;
}

/** What a plan's runs are made of. */
export type Runs = Pick<Plan, "variants" | "scenarios" | "reference">;

/** The name of the reference run's variant and scenario; the configuration keeps others from taking it. */
export const referenceName = "reference";

/** All runs of a plan, sorted by variant, then scenario; the reference run, where there is one, is the last. */
export function runsOf(plan: Runs): Run[] {
  const scenarios = Object.keys(plan.scenarios).sort();
  const crossed = Object.keys(plan.variants)
    .sort()
    .flatMap((variant) => scenarios.map((scenario) => ({ variant, scenario })));
  const reference = plan.reference === null ? [] : [{ variant: referenceName, scenario: referenceName }];
  return [...crossed, ...reference].map(({ variant, scenario }, index) => ({
    variant,
    scenario,
    name: `${variant}/${scenario}`,
    index,
  }));
}

/** The settings of a run. @throws Error where the plan does not hold what the run names */
export function settingsOf(
  plan: Runs,
  run: Pick<Run, "variant" | "scenario">,
): { variant: Variant; scenario: Scenario } {
  if (run.variant === referenceName && plan.reference !== null) return plan.reference;
  const [variant, scenario] = [plan.variants[run.variant], plan.scenarios[run.scenario]];
  if (variant === undefined || scenario === undefined)
    throw new Error(`the plan names ${run.variant}/${run.scenario} but does not hold it`);
  return { variant, scenario };
}

/**
 * The order of a block's runs: sorted by SHA-256 of "bramble/order/v1/<seed>/<block>/<index>", a random permutation that
 * any language can repeat. It hangs on the runs' positions, not on their names, so that plans of the same shape (two
 * stacks that differ in one setting) order their blocks alike and pair without an order effect.
 */
export function orderOf(plan: Runs & Pick<Plan, "seed">, block: number): Run[] {
  const rank = (run: Run) => digest(`bramble/order/v1/${plan.seed}/${block}/${run.index}`);
  return runsOf(plan)
    .map((run) => ({ run, rank: rank(run) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ run }) => run);
}

/**
 * Twelve decimal digits that no other request of a series carries, but that plans of the same shape share. They stand
 * at the start of a prompt: Ollama counts the tokens of a cached prefix and leaves their time out, which flatters the
 * prefill. Digits, because the tokenizers at hand split them evenly: every nonce costs the same number of tokens.
 */
export function nonceOf(
  plan: Pick<Plan, "seed" | "series">,
  place: { block: number; attempt: number; run: number; request: number },
): string {
  const { block, attempt, run, request } = place;
  const bits = digest(`bramble/nonce/v1/${plan.seed}/${plan.series}/${block}/${attempt}/${run}/${request}`);
  return (BigInt(`0x${bits}`) % 10n ** 12n).toString().padStart(12, "0");
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
