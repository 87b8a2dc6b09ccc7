import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { cacheDirectory } from "../cache-directory.ts";
import { digestOfFile } from "../cards/image-digest.ts";
import { fingerprintOf } from "../cards/image-memory.ts";
import { sizeOf } from "../download.ts";
import { root } from "../root.ts";
import { UserError } from "../user-error.ts";
import { bundlesDirectory, readBundle, takeBaseImage, takeFromBundle } from "./bundle.ts";
import type { BundleEntry } from "./bundle-lock.ts";
import { sha256 } from "./fields.ts";
import type { BaseImage, Site } from "./site.ts";

/**
 * A site's configuration with what its bundle has in it, after a look at whether that is still what was bundled.
 * @throws UserError with everything that is missing or differs, before anything is changed
 */
export async function useBundle(site: Site, bundles = join(root, bundlesDirectory)): Promise<Site> {
  const taken = takeFromBundle(site, readBundle(site.name, bundles));
  await checkEntries(join(bundles, site.name), taken.used);
  return taken.site;
}

/** As `useBundle`, for the cards' base image alone. */
export async function useBundledImage(site: Site, bundles = join(root, bundlesDirectory)): Promise<BaseImage> {
  const taken = takeBaseImage(site, readBundle(site.name, bundles));
  await checkEntries(join(bundles, site.name), taken.used);
  return taken.image;
}

/**
 * Compares files of a bundle with its lock: sizes each time, digests once, and again when a file may have changed.
 * @throws UserError with every file that differs
 */
export async function checkEntries(bundle: string, entries: readonly BundleEntry[]): Promise<void> {
  const problems: string[] = [];
  for (const entry of entries) {
    const problem = await problemOf(join(bundle, entry.name), entry);
    if (problem !== undefined) problems.push(`${entry.name}: ${problem}`);
  }
  if (problems.length > 0) throw differs(bundle, problems);
}

/** The error for a bundle that is not what its lock says. */
export function differs(bundle: string, problems: readonly string[]): UserError {
  return new UserError({
    what: `differs from its lock\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
    where: bundle,
    next: "bring the bundle here again, or mend it where there is internet: npm run bundle -- <site>",
  });
}

/** What is wrong with a file of a bundle, if anything. */
export async function problemOf(
  path: string,
  entry: Pick<BundleEntry, "bytes" | "sha256">,
): Promise<string | undefined> {
  const bytes = await sizeOf(path);
  if (bytes === undefined) return "is missing";
  if (bytes !== entry.bytes) return `has ${bytes} bytes, not ${entry.bytes}`;
  const before = await fingerprintOf(path);
  const found = (await recall(path, before.text)) ?? (await digestOfFile(path));
  if (before.settled && (await fingerprintOf(path)).text === before.text) await remember(path, before.text, found);
  return found === entry.sha256 ? undefined : `has sha256 ${found}, not ${entry.sha256}`;
}

const recordSchema = z.strictObject({ file: z.string(), fingerprint: z.string(), sha256 });

async function recall(path: string, fingerprint: string): Promise<string | undefined> {
  try {
    const record = recordSchema.parse(JSON.parse(await readFile(recordPath(path), "utf8")));
    return record.file === path && record.fingerprint === fingerprint ? record.sha256 : undefined;
  } catch {
    return undefined;
  }
}

async function remember(path: string, fingerprint: string, digest: string): Promise<void> {
  const target = recordPath(path);
  await mkdir(dirname(target), { recursive: true });
  const unfinished = `${target}.${randomUUID()}`;
  await writeFile(unfinished, JSON.stringify({ file: path, fingerprint, sha256: digest }));
  await rename(unfinished, target);
}

function recordPath(path: string): string {
  return join(cacheDirectory(), "bundles", `${createHash("sha256").update(path).digest("hex")}.json`);
}
