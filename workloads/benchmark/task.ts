import type { ModuleCombination, Plan, Scenario, Variant } from "./plan.ts";

/** What one request asks, before its nonce. */
export interface Task {
  /** Position in the prompt set or suite. */
  readonly prompt: number;
  readonly text: string;
}

/** What a run asks of a variant: its warm-up, kept apart, and what is measured. */
export interface Tasks {
  readonly warmup: readonly Task[];
  readonly measured: readonly Task[];
}

/**
 * What a run asks in a block. Prompts are gone through from the first on, warm-ups from the last one back. The items of
 * a suite are dealt out over the blocks, each to one of them: at temperature 0 a repetition would tell nothing new about
 * an item, and every variant is asked the same items in the same block.
 */
export function tasksOf(
  plan: Pick<Plan, "prompts" | "suites" | "modules" | "blocks">,
  { variant, scenario }: { readonly variant: Variant; readonly scenario: Scenario },
  block: number,
): Tasks {
  const combination = variant.modules === null ? null : entry(plan.modules, variant.modules);
  const texts =
    scenario.suite === null
      ? entry(plan.prompts, scenario.prompts ?? "")
      : entry(plan.suites, scenario.suite).map(({ prompt }) => prompt);
  const task = (number: number): Task => {
    const prompt = ((number % texts.length) + texts.length) % texts.length;
    return { prompt, text: composed(combination, texts[prompt] ?? "") };
  };
  const warmup = Array.from({ length: scenario.warmup }, (_, index) => task(-1 - index));
  const measured =
    scenario.suite === null
      ? Array.from({ length: scenario.load.requests }, (_, index) => task(index))
      : texts.flatMap((_, index) => (index % plan.blocks === block ? [task(index)] : []));
  return { warmup, measured };
}

/** The task between its modules. */
function composed(combination: ModuleCombination | null, task: string): string {
  if (combination === null) return task;
  return [combination.before, task, combination.after].filter((part) => part !== "").join("\n\n");
}

function entry<T>(record: Readonly<Record<string, T>>, key: string): T {
  const value = record[key];
  if (value === undefined) throw new Error(`the plan names ${key} but does not hold it`);
  return value;
}
