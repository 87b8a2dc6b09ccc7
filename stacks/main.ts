import * as pulumi from "@pulumi/pulumi";
import { parseStackConfig } from "./config/parse.ts";
import { readSiteSecrets } from "./site-secrets.ts";
import { InputError } from "../workloads/input-error.ts";
import { UserError } from "./user-error.ts";

/** The stack that Pulumi runs, by its configuration: a site or an experiment. */
async function program(): Promise<Record<string, unknown>> {
  try {
    const config = new pulumi.Config("bramble");
    const stack = parseStackConfig(pulumi.getStack(), {
      site: config.getObject("site"),
      experiment: config.getObject("experiment"),
    });
    if (stack.kind === "experiment") {
      const { experimentProgram } = await import("./experiment.ts");
      return await experimentProgram(stack.experiment);
    }
    const { siteProgram } = await import("./site.ts");
    return await siteProgram(stack.site, await readSiteSecrets(config));
  } catch (error) {
    // Pulumi prints a RunError without a stack: it is for people.
    throw error instanceof UserError || error instanceof InputError ? new pulumi.RunError(error.message) : error;
  }
}

// Pulumi calls a default export, and what it returns become the stack's outputs: which they are depends on the stack.
// eslint-disable-next-line no-restricted-syntax
export default program;
