import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { stackCommand } from "./stack-command.ts";
import type { Endpoint } from "./endpoint.ts";
import { repairReason, type Records } from "./drift.ts";
import { shortDigest, type ManagedFile, type Phase } from "./phase.ts";

/** What a probe saw on a node before anything was changed, as far as drift goes. */
export interface SeenOnNode {
  readonly records: Records;
  /** Tells this installation of the node's system from earlier ones. */
  readonly machine: string;
}

/**
 * The resource that keeps one phase on one node. Its diff shows the digests of the files that change and nothing else;
 * payload and keys are secret. Where drift was seen, BRAMBLE_REPAIR says what, and the update that it causes repairs it.
 * @param args.seen undefined where the node did not answer: that is never a change
 */
export function phaseCommand(
  name: string,
  args: {
    readonly phase: Phase;
    readonly endpoint: Endpoint;
    readonly seen: SeenOnNode | undefined;
    /** More that a diff should show, and that applies the phase again when it changes. */
    readonly visible?: Readonly<Record<string, string>>;
  },
  options: pulumi.CustomResourceOptions,
): local.Command {
  const { phase, endpoint, seen, visible } = args;
  const repair = seen && repairReason(phase, seen.records, seen.machine);
  const command = stackCommand(
    name,
    {
      create: "remote/run-phase.ts apply",
      delete: "remote/run-phase.ts remove",
      input: { endpoint, phase },
      environment: {
        BRAMBLE_NODE: `${endpoint.user}@${endpoint.address}:${endpoint.port}`,
        ...visible,
        ...Object.fromEntries(phase.files.map((file) => [file.path, visibleVersion(file)])),
        ...(repair === undefined ? {} : { BRAMBLE_REPAIR: repair }),
      },
      logging: "stdoutAndStderr",
    },
    // Without a repair, whatever the last one left in the state stays there, and makes no difference.
    { ...options, ...(repair === undefined ? { ignoreChanges: ["environment.BRAMBLE_REPAIR"] } : {}) },
  );
  if (repair !== undefined && seen?.records[phase.name] !== undefined)
    void pulumi.log.warn(`${phase.name}: ${repair}; \`pulumi up\` repairs it`, command);
  return command;
}

function visibleVersion(file: ManagedFile): string {
  return "block" in file ? shortDigest(file.sha256) : `${shortDigest(file.sha256)} ${file.mode}`;
}
