import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Site } from "../config/site.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { phaseCommand, type SeenOnNode } from "../remote/phase-command.ts";
import { preparationPhase } from "./preparation-phase.ts";

/** The preparation of one node. Options reach its command too: only there do dependencies order removals. */
export class Preparation extends pulumi.ComponentResource {
  readonly command: local.Command;

  constructor(
    name: string,
    args: { site: Site; endpoint: Endpoint; seen: SeenOnNode | undefined },
    options: pulumi.ComponentResourceOptions,
  ) {
    super("bramble:nodes:Preparation", name, {}, options);
    const { site, endpoint, seen } = args;
    this.command = phaseCommand(
      `${name}-preparation`,
      { phase: preparationPhase(site, name), endpoint, seen },
      { parent: this, dependsOn: options.dependsOn ?? [] },
    );
    this.registerOutputs();
  }
}
