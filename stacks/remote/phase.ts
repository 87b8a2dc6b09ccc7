import { createHash } from "node:crypto";
import { z } from "zod";

/** Where the records of installed phases lie on a node. */
export const recordsDirectory = "/var/lib/bramble/phases";

const owner = z.string().regex(/^[a-z_][a-z0-9_-]*:[a-z_][a-z0-9_-]*$/);
const mode = z.string().regex(/^0[0-7]{3}$/);
const path = z.string().startsWith("/");

/** A file by content, a part of a file that others write too (block), or a large one by its path on this machine (source). */
const managedFile = z.union([
  z.strictObject({ path, mode, owner, sha256: z.string(), content: z.string() }),
  z.strictObject({ path, sha256: z.string(), content: z.string(), block: z.literal(true) }),
  z.strictObject({ path, mode, owner, sha256: z.string(), source: z.string() }),
]);
export type ManagedFile = z.infer<typeof managedFile>;

const managedDirectory = z.strictObject({ path, mode, owner });

/**
 * A systemd unit's state; what is left out stays as it is. A unit that the node does not have counts as disabled and
 * inactive, and wanting it enabled or active is an error. A static one counts as disabled.
 */
const managedUnit = z.strictObject({
  name: z.string().regex(/^[\w@.:\\-]+\.(service|timer|socket|mount|path|target)$/),
  enabled: z.boolean().optional(),
  active: z.boolean().optional(),
  masked: z.boolean().optional(),
  /** Restarted, where it runs already, when one of these managed files changed. */
  after: z.array(z.string()).optional(),
  /** Seconds that starting it may take. @default 120 */
  limit: z.int().positive().optional(),
});
export type ManagedUnit = z.infer<typeof managedUnit>;

/** A Debian package. `installed` asks the node's own package sources for it only where it is missing. */
const managedPackage = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/),
  state: z.enum(["installed", "absent"]),
});
export type ManagedPackage = z.infer<typeof managedPackage>;

/** Labels of a Kubernetes node, set on the server that the phase runs on. Others of the node's labels stay. */
const managedLabels = z.strictObject({ node: z.string(), labels: z.record(z.string(), z.string()) });
export type ManagedLabels = z.infer<typeof managedLabels>;

const step = z.strictObject({
  /** In the past tense, as reports print it: "restarted k3s". */
  title: z.string(),
  run: z.array(z.string()).min(1),
  /** Exit code 0 means that there is nothing to do. */
  check: z.array(z.string()).min(1).optional(),
  /** Runs only when this phase changed one of these files or took it away; without it, each time. */
  after: z.array(z.string()).optional(),
  /** Seconds that one attempt may take. */
  limit: z.int().positive(),
  /** Seconds during which a failing step is tried again. */
  patience: z.int().positive().optional(),
  /** Failing is no error. */
  tolerated: z.literal(true).optional(),
});
export type Step = z.infer<typeof step>;

/**
 * One concern on one node, as data: what must lie there, what to do when it changed, and how it goes away again.
 * Everything is checked before it is written, so a phase can be applied at any time.
 */
export const phaseSchema = z.strictObject({
  node: z.string(),
  name: z.string(),
  files: z.array(managedFile),
  directories: z.array(managedDirectory),
  /** Brought about before the files are written: dpkg would ask about a file of ours that lies where it brings its own. */
  packages: z.array(managedPackage).optional(),
  /** Brought about after the files are written and before the steps. */
  units: z.array(managedUnit).optional(),
  /** Brought about after the steps: the node may have to join first. */
  labels: managedLabels.optional(),
  steps: z.array(step),
  /** Run before anything but the labels is put back. */
  removal: z.array(step),
  /** Run once all is as it was before, and only where there was something to put back: services take note of it. */
  afterRemoval: z.array(step).optional(),
});
export type Phase = z.infer<typeof phaseSchema>;

interface Permissions {
  readonly mode: string;
  readonly owner: string;
}
const readable: Permissions = { mode: "0644", owner: "root:root" };
/** For what only root may read. */
export const confidential: Permissions = { mode: "0600", owner: "root:root" };
export const executable: Permissions = { mode: "0755", owner: "root:root" };

/** A file of text. */
export function textFile(at: string, content: string, { mode, owner }: Permissions = readable): ManagedFile {
  return { path: at, mode, owner, sha256: digestOf(content), content };
}

/** Lines of ours between markers in a file that others write too; it keeps its mode and owner. */
export function textBlock(at: string, content: string): ManagedFile {
  return { path: at, sha256: digestOf(content), content, block: true };
}

/** A file of any size that lies on this machine (relative paths start at the project's root). */
export function artefactFile(
  at: string,
  artefact: { readonly file: string; readonly sha256: string },
  { mode, owner }: Permissions = readable,
): ManagedFile {
  return { path: at, mode, owner, sha256: artefact.sha256, source: artefact.file };
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Enough of a digest to tell versions apart in a diff. */
export function shortDigest(sha256: string): string {
  return sha256.slice(0, 8);
}
