import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Site } from "../config/site.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { repairReason } from "../remote/drift.ts";
import type { SeenOnNode } from "../remote/phase-command.ts";
import { shortDigest } from "../remote/phase.ts";
import { stackCommand } from "../remote/stack-command.ts";
import { preparationPhase } from "./preparation-phase.ts";
import { firmwareFile } from "./preparation/firmware.ts";

/**
 * The reboot that a node's preparation may need. It looks whenever settings of the firmware change, or were put right again on the
 * node, and reboots only where the node says that something waits for that.
 */
export class Reboot extends pulumi.ComponentResource {
  readonly command: local.Command;

  constructor(
    name: string,
    args: {
      readonly site: Site;
      readonly endpoint: Endpoint;
      /** The site's servers. */
      readonly servers: readonly Endpoint[];
      readonly seen: SeenOnNode | undefined;
    },
    options: pulumi.ComponentResourceOptions,
  ) {
    super("bramble:nodes:Reboot", name, {}, options);
    const { site, endpoint, servers, seen } = args;
    const repair = firmwareRepair(site, name, seen);
    this.command = stackCommand(
      `${name}-reboot`,
      {
        create: "nodes/reboot-node.ts",
        input: { endpoint, servers, bootSeconds: site.timeouts.boot },
        environment: {
          BRAMBLE_FIRMWARE: firmwareVersion(site, name),
          ...(repair === undefined ? {} : { BRAMBLE_REPAIR: repair }),
        },
        logging: "stdoutAndStderr",
      },
      {
        parent: this,
        dependsOn: options.dependsOn ?? [],
        ...(repair === undefined ? { ignoreChanges: ["environment.BRAMBLE_REPAIR"] } : {}),
      },
    );
    this.registerOutputs();
  }
}

/** What a node's boot depends on, as a short digest. */
export function firmwareVersion(site: Site, node: string): string {
  const file = firmwareFile(site, node);
  return file === undefined ? "the image's own" : shortDigest(file.sha256);
}

/** Why preparation writes the firmware's settings again although they did not change, or undefined. */
function firmwareRepair(site: Site, node: string, seen: SeenOnNode | undefined): string | undefined {
  const file = firmwareFile(site, node);
  if (file === undefined || seen === undefined) return undefined;
  const { name } = preparationPhase(site, node);
  return repairReason(
    { node, name, files: [file], directories: [], steps: [], removal: [] },
    seen.records,
    seen.machine,
  );
}
