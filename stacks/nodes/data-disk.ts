import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Site } from "../config/site.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { phaseCommand, type SeenOnNode } from "../remote/phase-command.ts";
import type { Phase } from "../remote/phase.ts";
import { dataDiskMountPhase } from "./data-disk-phase.ts";

/** The data disk of one node, named after it: before everything else that is done to the node. */
export class DataDisk extends pulumi.ComponentResource {
  /** Ends when the disk is mounted. */
  readonly mount: local.Command;

  constructor(
    name: string,
    args: {
      readonly site: Site;
      readonly phase: Phase;
      readonly endpoint: Endpoint;
      readonly seen: SeenOnNode | undefined;
    },
    options: pulumi.ComponentResourceOptions,
  ) {
    super("bramble:nodes:DataDisk", name, {}, options);
    const { site, phase, endpoint, seen } = args;
    const dependsOn = options.dependsOn ?? [];
    const disk = phaseCommand(
      `${name}-data-disk`,
      { phase, endpoint, seen },
      { parent: this, dependsOn, ...(site.protect ? { protect: true } : {}) },
    );
    this.mount = phaseCommand(
      `${name}-data-disk-mount`,
      { phase: dataDiskMountPhase(name), endpoint, seen },
      { parent: this, dependsOn: disk },
    );
    this.registerOutputs();
  }
}
