import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { lock } from "proper-lockfile";
import { cacheDirectory } from "../stacks/cache-directory.ts";

/** The key of a cached thing: a digest of all it is built from. The same parts in the same order give the same key. */
export function cacheKey(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 24);
}

/**
 * The directory that `build` filled for exactly these key parts, built now if no run on this machine has before.
 *
 * `build` gets an empty directory and fills it; only a build that returns becomes visible, by one rename. One run
 * builds, others wait for it; what a killed build left behind is removed by the next one. Treat the result as read-only.
 *
 * @param wait called once if another run holds the lock, so that the person learns why nothing happens
 */
export async function cached(
  name: string,
  keyParts: readonly string[],
  build: (directory: string) => Promise<void>,
  wait?: () => void,
): Promise<string> {
  const target = join(cacheDirectory(), name, cacheKey(keyParts));
  if (existsSync(target)) return target;
  await mkdir(dirname(target), { recursive: true });
  const release = await lockForBuild(target, wait);
  try {
    if (existsSync(target)) return target;
    await removeAbandoned(target);
    const workplace = await mkdtemp(`${target}.building-`);
    try {
      await build(workplace);
      await rename(workplace, target);
    } catch (error) {
      await rm(workplace, { recursive: true, force: true });
      throw error;
    }
    return target;
  } finally {
    await release();
  }
}

async function lockForBuild(target: string, wait: (() => void) | undefined): Promise<() => Promise<void>> {
  // A lock whose owner was killed goes stale after 20 s without a sign of life.
  const options = { realpath: false, stale: 20_000, update: 4_000 };
  try {
    return await lock(target, options);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ELOCKED")) throw error;
    wait?.();
    return await lock(target, { ...options, retries: { forever: true, minTimeout: 250, maxTimeout: 1000 } });
  }
}

/** Under the lock, every other workplace of this key belongs to a build that was killed. */
async function removeAbandoned(target: string): Promise<void> {
  for (const entry of await readdir(dirname(target))) {
    if (entry.startsWith(`${basename(target)}.building-`)) {
      await rm(join(dirname(target), entry), { recursive: true, force: true });
    }
  }
}
