import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { lock } from "proper-lockfile";
import { codeOf, defaultPatience, download, sizeOf, type Advice, type Patience } from "../download.ts";
import { imageCache } from "./image-cache.ts";
import type { ImageOptions } from "./image.ts";

const advice: Advice = {
  file: "the base image",
  expectedBy: "the config says",
  otherDigest: "compare both with what the publisher says, and correct image.url or image.sha256",
  refused: "correct image.url in the site's config, or fetch it by hand and set image.file in its place",
  redirected: "set image.url to where the file itself is",
  noRoom: "free space, or set XDG_CACHE_HOME to a folder on another disk; the download goes on where it stopped",
};

/**
 * Fetches a file into the cache, where it takes its name only when its digest is right; what is there already is not fetched.
 * A download that was cut off goes on where it stopped, in this run and in the next. Of two at once, one waits.
 * @returns its path. Whether the cache is still as it was left is for the caller to check
 * @throws UserError when the server refuses, stays away too long, or serves a file of another digest
 */
export async function fetchImage(
  url: string,
  sha256: string,
  options: ImageOptions = {},
  patience: Patience = defaultPatience,
): Promise<string> {
  const path = join(imageCache(), sha256);
  if ((await sizeOf(path)) !== undefined) return path;
  await mkdir(imageCache(), { recursive: true });
  const release = await lockDownload(path, options.signal);
  try {
    if ((await sizeOf(path)) === undefined) await download({ url, sha256, path, advice }, options, patience);
    return path;
  } finally {
    await release();
  }
}

async function lockDownload(path: string, signal: AbortSignal | undefined): Promise<() => Promise<void>> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      // A lock whose owner was killed goes stale after 20 s without a sign of life.
      return await lock(path, { realpath: false, stale: 20_000, update: 4_000 });
    } catch (error) {
      if (codeOf(error) !== "ELOCKED") throw error;
    }
    await sleep(500, undefined, { ...(signal && { signal }) });
  }
}
