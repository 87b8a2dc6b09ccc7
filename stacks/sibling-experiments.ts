import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { runnerFiles } from "../workloads/benchmark/runner-files.ts";
import { InputError } from "../workloads/input-error.ts";
import { parseExperiment } from "./config/parse.ts";
import { tenantsOf, type Tenants } from "./experiment-fit.ts";
import { planOf } from "./experiment-plan.ts";
import { lockedModels, planModels } from "./locked-models.ts";
import { root } from "./root.ts";
import { UserError } from "./user-error.ts";

/** What the other experiments of a site load on its nodes, as far as their stack files here say it. */
export interface Siblings {
  readonly tenants: readonly Tenants[];
  /** Stacks whose files can't be read as experiments, so that nobody knows what they load. */
  readonly unknown: readonly string[];
}

/** @param own the stack that asks; @param site the site's stack */
export function siblingExperiments(own: string, site: string, directory: string = root): Siblings {
  const tenants: Tenants[] = [];
  const unknown: string[] = [];
  for (const file of readdirSync(directory).sort()) {
    const stack = /^Pulumi\.([A-Za-z0-9_.-]+)\.yaml$/.exec(file)?.[1];
    if (stack === undefined || stack === own) continue;
    const document = parseDocument(readFileSync(join(directory, file), "utf8"));
    if (document.errors.length > 0) {
      unknown.push(stack);
      continue;
    }
    const { config } = (document.toJS() ?? {}) as { config?: Record<string, unknown> };
    const value = config?.["bramble:experiment"] as { site?: unknown } | undefined;
    if (value?.site !== site) continue;
    try {
      const experiment = parseExperiment(stack, value);
      const models = lockedModels(experiment.models);
      tenants.push(tenantsOf(stack, planOf(experiment, planModels(models), runnerFiles()), models));
    } catch (error) {
      if (!(error instanceof UserError || error instanceof InputError)) throw error;
      unknown.push(stack);
    }
  }
  return { tenants, unknown };
}
