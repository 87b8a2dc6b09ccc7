import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { problemOf } from "../../../stacks/config/bundle-check.ts";
import type { Architecture, BundleEntry } from "../../../stacks/config/bundle-lock.ts";
import { sizeOf, type Patience, type Wanted } from "../../../stacks/download.ts";
import type { Registries } from "./registry.ts";
import { syncFile } from "./sync-file.ts";

/** Bytes to be had from a server or from a file of this machine. They are staged under their digest. */
export interface Fetch {
  readonly sha256: string;
  /** Undefined where the server does not say. */
  readonly bytes: number | undefined;
  readonly from: Pick<Wanted, "url" | "headers"> | { readonly file: string };
}

/** A file of the bundle that is to be. */
export interface Item extends Pick<BundleEntry, "kind" | "name" | "source"> {
  /** Undefined where the server does not say. Of an image: of what it is made from, until it is made. */
  readonly bytes: number | undefined;
  /** What has to be there before it can be taken; nothing where it is in the present bundle. */
  readonly fetches: readonly Fetch[];
  /** Makes it of what was fetched. @returns its entry and where it is staged, undefined where it lies in its place */
  readonly take: () => Promise<Taken>;
}

export interface Taken {
  readonly entry: BundleEntry;
  readonly file: string | undefined;
}

/** What planning needs. */
export interface Plan {
  readonly architecture: Architecture;
  /** The bundle's directory. */
  readonly directory: string;
  /** What it holds at present, as far as its lock is right. */
  readonly known: readonly BundleEntry[];
  readonly registries: Registries;
  readonly patience: Patience;
  readonly signal: AbortSignal;
}

/** Where what is fetched and made waits until the bundle is whole. */
export function stagingOf(directory: string): string {
  return join(directory, ".partial");
}

/** Where bytes of this digest are staged. */
export function stagedAt({ directory }: Pick<Plan, "directory">, digest: string): string {
  return join(stagingOf(directory), digest.replace(/^sha256:/, ""));
}

/** An entry of the present bundle whose file is as the lock says. */
export async function wholeEntry(
  { known, directory }: Pick<Plan, "known" | "directory">,
  matches: (entry: BundleEntry) => boolean,
): Promise<BundleEntry | undefined> {
  for (const entry of known.filter(matches))
    if ((await problemOf(join(directory, entry.name), entry)) === undefined) return entry;
  return undefined;
}

/** An item that is in the present bundle. */
export function wholeItem(entry: BundleEntry): Item {
  const { kind, name, source, bytes } = entry;
  return { kind, name, source, bytes, fetches: [], take: () => Promise.resolve({ entry, file: undefined }) };
}

/** Bytes of a fetch that are staged already. */
export async function stagedBytes(plan: Pick<Plan, "directory">, { sha256 }: Fetch): Promise<number> {
  const path = stagedAt(plan, sha256);
  return (await sizeOf(path)) ?? (await sizeOf(`${path}.partial`)) ?? 0;
}

/** Writes a small file that has its name only when it is on the disk. */
export async function writeStaged(path: string, content: string | Buffer): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(`${path}.making`, content);
  await syncFile(`${path}.making`);
  await rename(`${path}.making`, path);
}

/** A small file of the present bundle or of what is staged; undefined where neither has it with this digest. */
export async function readKnown(plan: Plan, name: string, digest: string): Promise<Buffer | undefined> {
  for (const path of [stagedAt(plan, digest), join(plan.directory, name)]) {
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes !== undefined && `sha256:${createHash("sha256").update(bytes).digest("hex")}` === digest) return bytes;
  }
  return undefined;
}
