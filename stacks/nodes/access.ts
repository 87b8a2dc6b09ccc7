import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Site } from "../config/site.ts";
import type { SiteKeys } from "../keys/site-keys.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { phaseCommand, type SeenOnNode } from "../remote/phase-command.ts";
import { accessPhase } from "./access-phase.ts";

/** Access to one node. `dependsOn` must hold every other phase of all nodes, see `accessPhase`. */
export class Access extends pulumi.ComponentResource {
  readonly command: local.Command;

  constructor(
    name: string,
    args: { site: Site; keys: SiteKeys; endpoint: Endpoint; seen: SeenOnNode | undefined },
    options: pulumi.ComponentResourceOptions,
  ) {
    super("bramble:nodes:Access", name, {}, options);
    const { site, keys, endpoint, seen } = args;
    this.command = phaseCommand(
      `${name}-access`,
      { phase: accessPhase(site, name, keys), endpoint, seen },
      { parent: this, dependsOn: options.dependsOn ?? [] },
    );
    this.registerOutputs();
  }
}
