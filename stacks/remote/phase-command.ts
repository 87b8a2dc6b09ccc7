import { statSync } from "node:fs";
import { resolve } from "node:path";
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { root } from "../root.ts";
import { repairReason, type Records } from "./drift.ts";
import type { Endpoint } from "./endpoint.ts";
import { formatSize } from "./format-size.ts";
import { shortDigest, type ManagedFile, type ManagedUnit, type Phase } from "./phase.ts";
import { planOf } from "./plan.ts";
import { stackCommand } from "./stack-command.ts";

/** What a probe saw on a node before anything was changed, as far as drift goes. */
export interface SeenOnNode {
  readonly records: Records;
  /** Tells this installation of the node's system from earlier ones. */
  readonly machine: string;
}

/**
 * The resource that keeps one phase on one node. Its diff shows sizes, modes and short digests of what changes and no
 * content; payload and keys are secret. Where drift was seen, BRAMBLE_REPAIR says what, and the update that it causes
 * repairs it.
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
    /** Why the phase has to be applied again although nothing drifted. The same text for the same reason. */
    readonly due?: string | undefined;
    /** What runs instead of run-phase.ts, and what it is given beside endpoint and phase. */
    readonly program?: {
      readonly create: string;
      readonly delete?: string;
      readonly input: Readonly<Record<string, unknown>>;
    };
  },
  options: pulumi.CustomResourceOptions,
): local.Command {
  const { phase, endpoint, seen, visible, program } = args;
  const drift = seen && repairReason(phase, seen.records, seen.machine);
  const repair = drift ?? args.due;
  const command = stackCommand(
    name,
    {
      create: program?.create ?? "remote/run-phase.ts apply",
      delete: program?.delete ?? "remote/run-phase.ts remove",
      input: { ...program?.input, endpoint, phase },
      environment: {
        BRAMBLE_NODE: `${endpoint.user}@${endpoint.address}:${endpoint.port}`,
        ...visible,
        ...visibleParts(phase),
        ...(repair === undefined ? {} : { BRAMBLE_REPAIR: repair }),
      },
      logging: "stdoutAndStderr",
    },
    {
      ...options,
      ...(pulumi.runtime.isDryRun() ? { hooks: planHooks(name, phase, seen, () => command) } : {}),
      // Without a repair, whatever the last one left in the state stays there, and makes no difference.
      ...(repair === undefined ? { ignoreChanges: ["environment.BRAMBLE_REPAIR"] } : {}),
    },
  );
  if (repair !== undefined && seen?.records[phase.name]?.applied != null)
    void pulumi.log.warn(`${phase.name}: ${repair}; \`pulumi up\` repairs it`, command);
  return command;
}

/** What a phase brings about, by name, as a diff shows it. */
export function visibleParts(phase: Phase): Record<string, string> {
  return Object.fromEntries([
    ...phase.files.map((file) => [file.path, visibleFile(file)] as const),
    ...phase.directories.map(({ path, mode, owner }) => [path, `directory ${mode} ${owner}`] as const),
    ...(phase.packages ?? []).map(({ name, state }) => [`package ${name}`, state] as const),
    ...(phase.units ?? []).map((unit) => [`unit ${unit.name}`, visibleUnit(unit)] as const),
    ...Object.entries(phase.labels?.labels ?? {}).map(
      // A taint stands among the labels, with the word before its key.
      ([key, value]) => [`${key.includes(" ") ? "" : "label "}${key} of ${phase.labels?.node ?? ""}`, value] as const,
    ),
  ]);
}

/** An artefact's size is not in its configuration, and the file need not be on every machine that previews: its digest is. */
function visibleFile(file: ManagedFile): string {
  const digest = `sha256 ${shortDigest(file.sha256)}`;
  if ("source" in file) return `${file.mode} ${digest}`;
  const size = formatSize(Buffer.byteLength(file.content));
  return "block" in file ? `block of ${size} ${digest}` : `${size} ${file.mode} ${digest}`;
}

function visibleUnit({ enabled, active, masked }: ManagedUnit): string {
  const words = [
    enabled === undefined ? [] : enabled ? "enabled" : "disabled",
    active === undefined ? [] : active ? "active" : "inactive",
    masked === undefined ? [] : masked ? "masked" : "unmasked",
  ];
  return words.flat().join(" ");
}

/** At a preview, Pulumi itself knows what changes; then a line says what that will do to the node. */
function planHooks(
  name: string,
  phase: Phase,
  seen: SeenOnNode | undefined,
  resource: () => pulumi.Resource,
): pulumi.ResourceHookBinding {
  const say = () => {
    const plan = planOf(phase, seen?.records, sizeOf);
    if (plan !== undefined) void pulumi.log.info(plan, resource());
  };
  const hook = (when: string, run: () => void) =>
    new pulumi.ResourceHook(`${name}-plan-${when}`, run, { onDryRun: true, ignoreErrors: true });
  return {
    beforeCreate: [hook("create", say)],
    // Of a node that does not answer nobody knows what an update would find there.
    ...(seen === undefined ? {} : { beforeUpdate: [hook("update", say)] }),
  };
}

function sizeOf(source: string): number | undefined {
  return statSync(resolve(root, source), { throwIfNoEntry: false })?.size;
}
