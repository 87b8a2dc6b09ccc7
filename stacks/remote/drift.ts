import { z } from "zod";
import type { ManagedFile, ManagedUnit, Phase } from "./phase.ts";

const permissions = z.object({ mode: z.string().nullable(), owner: z.string().nullable() });
const description = permissions.partial().extend({ sha256: z.string().nullable() });
type Description = z.infer<typeof description>;

const unitState = z.object({ enabled: z.boolean(), active: z.boolean(), masked: z.boolean() });
const packageState = z.enum(["installed", "absent"]);

/**
 * What a probe saw of the phases' records on a node: for each thing what was installed, and what is there now. A file or
 * directory that is gone is null; a unit, package or label that nothing could be learnt of is null too, and no drift.
 */
export const recordsSchema = z.record(
  z.string(),
  z.object({
    /** When the node last had something done to it, by its own clock; null while that has not ended well. */
    applied: z.string().nullable(),
    /** Titles of steps that an interrupted run left to do. */
    pending: z.array(z.string()),
    files: z.record(z.string(), z.object({ installed: description, present: description.nullable() })),
    directories: z.record(z.string(), z.object({ installed: permissions, present: permissions.nullable() })),
    units: z.record(z.string(), z.object({ installed: unitState.partial(), present: unitState.nullable() })),
    packages: z.record(z.string(), z.object({ installed: packageState, present: packageState.nullable() })),
    labels: z
      .object({
        node: z.string(),
        installed: z.record(z.string(), z.string()),
        present: z.record(z.string(), z.string().nullable()).nullable(),
      })
      .nullable(),
  }),
);
export type Records = z.infer<typeof recordsSchema>;
type SeenRecord = Records[string];

/**
 * Why a phase has to be applied again although its configuration may not have changed, or undefined. Drift counts only
 * where the node's record says that exactly what is wanted now was installed: anything else is an ordinary change, which
 * Pulumi sees by itself. The text is the same for each probe of the same drift, so that preview and update agree, and
 * another one for each repair (it names the time of the last), so that the same hand edit is seen a second time.
 * @param machine what tells this installation of the node's system from one that was there before
 */
export function repairReason(phase: Phase, records: Records, machine: string): string | undefined {
  if (!leavesSomething(phase)) return undefined;
  const record = records[phase.name];
  // A card that was written again has lost everything, while the state believes it in place; a first run that was
  // killed has not ended well, and nobody may have noted that it failed.
  if (record?.applied == null) return `not on ${phase.node} yet (machine ${machine})`;
  const onNode = [
    ...fileDrift(phase, record),
    ...directoryDrift(phase, record),
    ...packageDrift(phase, record),
    ...unitDrift(phase, record),
    ...record.pending.map((title) => `"${title}" still to do`),
  ];
  const changes = [
    ...(onNode.length === 0 ? [] : [`${onNode.join(", ")} on ${phase.node}`]),
    ...labelDrift(phase, record),
  ];
  return changes.length === 0 ? undefined : `${changes.join(", ")} since ${record.applied}`;
}

/** Whether a phase has anything that the node could lose. */
function leavesSomething({ files, directories, units, packages, labels }: Phase): boolean {
  const lists: readonly unknown[][] = [
    files,
    directories,
    units ?? [],
    packages ?? [],
    Object.keys(labels?.labels ?? {}),
  ];
  return lists.some(({ length }) => length > 0);
}

function fileDrift(phase: Phase, record: SeenRecord): string[] {
  return phase.files.flatMap((file) => {
    const seen = record.files[file.path];
    if (seen === undefined || !isFile(seen.installed, file) || isFile(seen.present, file)) return [];
    return [`${file.path} ${howFileChanged(seen.present, file)}`];
  });
}

/** Whether what was seen at a file's path is what the file is to be. */
export function isFile(one: Description | null, file: ManagedFile): boolean {
  if (one?.sha256 !== file.sha256) return false;
  return "block" in file || (one.mode === file.mode && one.owner === file.owner);
}

function howFileChanged(present: Description | null, file: ManagedFile): string {
  if (present === null) return "removed";
  if (present.sha256 !== file.sha256 || "block" in file) return "changed";
  return howPermissionsChanged(present, file);
}

function directoryDrift(phase: Phase, record: SeenRecord): string[] {
  return phase.directories.flatMap((directory) => {
    const seen = record.directories[directory.path];
    if (seen === undefined || !arePermissions(seen.installed, directory) || arePermissions(seen.present, directory))
      return [];
    return [`${directory.path} ${seen.present === null ? "removed" : howPermissionsChanged(seen.present, directory)}`];
  });
}

interface Permissions {
  readonly mode?: string | null | undefined;
  readonly owner?: string | null | undefined;
}

function arePermissions(one: Permissions | null, wanted: Permissions): boolean {
  return one?.mode === wanted.mode && one?.owner === wanted.owner;
}

function howPermissionsChanged(present: Permissions, wanted: Permissions): string {
  const parts = (["mode", "owner"] as const).filter((part) => present[part] !== wanted[part]);
  return parts.map((part) => `${part} ${present[part] ?? "unknown"}`).join(" ");
}

function packageDrift(phase: Phase, record: SeenRecord): string[] {
  return (phase.packages ?? []).flatMap(({ name, state }) => {
    const seen = record.packages[name];
    if (seen?.installed !== state || seen.present === null || seen.present === state) return [];
    return [`${name} ${state === "installed" ? "removed" : "installed"}`];
  });
}

function unitDrift(phase: Phase, record: SeenRecord): string[] {
  return (phase.units ?? []).flatMap((unit) => {
    const seen = record.units[unit.name];
    const differing = unitDifferences(unit, seen?.present ?? null);
    const wasAsWanted =
      seen !== undefined && unitProperties.every((property) => seen.installed[property] === unit[property]);
    return wasAsWanted && differing.length > 0 ? [`${unit.name} ${differing.join(" and ")}`] : [];
  });
}

const unitProperties = ["enabled", "active", "masked"] as const;
const unitWords = {
  enabled: ["disabled", "enabled"],
  active: ["inactive", "active"],
  masked: ["unmasked", "masked"],
} as const;

/** In which ways a unit is another than it is to be, in words for how it is: "enabled", "inactive". */
export function unitDifferences(unit: ManagedUnit, present: z.infer<typeof unitState> | null): string[] {
  if (present === null) return [];
  return (
    unitProperties
      .filter((property) => unit[property] !== undefined && unit[property] !== present[property])
      // A mask hides whether a unit is enabled.
      .filter((property) => !(property === "enabled" && unit.masked === true && present.masked))
      .map((property) => unitWords[property][present[property] ? 1 : 0])
  );
}

function labelDrift(phase: Phase, record: SeenRecord): string[] {
  const { labels: wanted } = phase;
  const { labels: seen } = record;
  if (wanted === undefined || seen?.node !== wanted.node || seen.present === null) return [];
  const { installed, present } = seen;
  return Object.entries(wanted.labels).flatMap(([key, value]) => {
    const now = present[key];
    if (installed[key] !== value || now === undefined || now === value) return [];
    return [`label ${key} of ${wanted.node} ${now === null ? "gone" : `now ${now === "" ? '""' : now}`}`];
  });
}
