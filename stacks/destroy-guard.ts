import * as pulumi from "@pulumi/pulumi";
import type { Site } from "./config/site.ts";
import type { GuardInput } from "./guard-destroy.ts";
import type { Endpoint } from "./remote/endpoint.ts";
import { stackCommand } from "./remote/stack-command.ts";

/**
 * Keeps a site from being destroyed while results that nobody collected lie on its nodes. It must depend on everything else of
 * the site: then it is the first to go, and nothing goes before it. An update of its input is never a replacement (the command
 * has no triggers), so only a destroy runs its deletion.
 */
export class DestroyGuard extends pulumi.ComponentResource {
  constructor(
    name: string,
    args: { readonly site: Site; readonly endpoints: readonly Endpoint[] },
    options: pulumi.ComponentResourceOptions,
  ) {
    super("bramble:site:DestroyGuard", name, {}, options);
    const { site, endpoints } = args;
    guard(name, this, options, {
      kind: "site",
      stack: pulumi.getStack(),
      experiments: site.experiments,
      endpoints: [...endpoints],
    });
    this.registerOutputs();
  }
}

/**
 * Keeps an experiment from being destroyed before its run was collected: what collecting needs to know stands in the outputs of
 * its stack. It must depend on the experiment's Job.
 */
export class ExperimentGuard extends pulumi.ComponentResource {
  constructor(name: string, args: { readonly runId: string }, options: pulumi.ComponentResourceOptions) {
    super("bramble:experiment:DestroyGuard", name, {}, options);
    guard(name, this, options, { kind: "experiment", stack: pulumi.getStack(), runId: args.runId });
    this.registerOutputs();
  }
}

function guard(
  name: string,
  parent: pulumi.Resource,
  { dependsOn }: pulumi.ComponentResourceOptions,
  input: GuardInput,
): void {
  stackCommand(
    `${name}-guard`,
    {
      create: "guard-destroy.ts watch",
      delete: "guard-destroy.ts destroy",
      input,
      environment: {},
      logging: "stdoutAndStderr",
    },
    { parent, dependsOn: dependsOn ?? [] },
  );
}
