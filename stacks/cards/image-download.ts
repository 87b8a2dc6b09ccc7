import { mkdir, open, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { get as getPlain, type IncomingMessage } from "node:http";
import { get as getSecure } from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { lock } from "proper-lockfile";
import { z } from "zod";
import { UserError } from "../user-error.ts";
import { countUsed } from "./chunk-memory.ts";
import { imageCache } from "./image-cache.ts";
import { digestOfFile } from "./image-digest.ts";
import type { ImageOptions } from "./image.ts";

/** How long a download puts up with a bad line. */
export interface Patience {
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly silence: number;
  /** Times in a row that it is tried without getting any further. */
  readonly tries: number;
  /** Milliseconds before the second try; the third waits twice as long, and so on. */
  readonly pause: number;
}

const defaultPatience: Patience = { silence: 30_000, tries: 5, pause: 1000 };

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
    if ((await sizeOf(path)) === undefined) await download(url, sha256, path, options, patience);
    return path;
  } finally {
    await release();
  }
}

/** Takes a wrong file out of the cache. @returns where it is kept, in place of an earlier one */
export async function setAside(path: string): Promise<string> {
  const aside = `${path.replace(/\.partial$/, "")}.mismatch`;
  await rename(path, aside);
  return aside;
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

async function download(url: string, sha256: string, path: string, options: ImageOptions, patience: Patience) {
  const partial = `${path}.partial`;
  const begun = ((await sizeOf(partial)) ?? 0) > 0;
  let resumed = (await fetchAll(url, partial, options, patience)) || begun;
  for (;;) {
    const found = await digestOfFile(partial, options);
    if (found === sha256) break;
    const aside = await setAside(partial);
    if (!resumed)
      throw new UserError({
        what: `serves a file of another digest than the config says\n  expected sha256 ${sha256}\n  found    sha256 ${found}\n  what was fetched is kept as ${aside}`,
        where: url,
        next: "compare both with what the publisher says, and correct image.url or image.sha256",
      });
    // Its parts may be of two versions of the file, from a server that doesn't tell them apart: once more, as a whole.
    resumed = false;
    await fetchAll(url, partial, options, patience);
  }
  const file = await open(partial);
  await file.sync().finally(() => file.close());
  await rename(partial, path);
  await rm(noteOf(partial), { force: true });
}

/**
 * Fetches what is missing of a file, over as many connections as it takes.
 * @returns whether it is made of more than one piece
 */
async function fetchAll(url: string, partial: string, options: ImageOptions, patience: Patience): Promise<boolean> {
  const { signal } = options;
  for (let failures = 0, pieces = 1; ; pieces++) {
    const before = (await sizeOf(partial)) ?? 0;
    try {
      await fetchPiece(url, partial, options, patience);
      return pieces > 1;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof UserError) throw error;
      if (codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT") throw noRoom(partial, error);
      const now = (await sizeOf(partial)) ?? 0;
      failures = now > before ? 1 : failures + 1;
      if (failures >= patience.tries) throw unreachable(url, now, error);
      await sleep(failures * patience.pause, undefined, { ...(signal && { signal }) });
    }
  }
}

/** @throws Error when the connection or the server fails in a way that may pass */
async function fetchPiece(url: string, partial: string, { progress, signal }: ImageOptions, patience: Patience) {
  const have = (await sizeOf(partial)) ?? 0;
  const validator = await readValidator(partial, url);
  const response = await request(url, patience.silence, signal, {
    "accept-encoding": "identity",
    // What another server has under the same digest goes on just as well: its validator only isn't known.
    ...(have > 0 && { range: `bytes=${have}-`, ...(validator !== undefined && { "if-range": validator }) }),
  });
  try {
    const { statusCode = 0, statusMessage = "" } = response;
    const place = contentRange(response);
    if (statusCode === 416 && place?.total === have) return; // All of it was there.
    if (statusCode === 416 || (statusCode === 206 && place?.from !== have)) {
      await truncate(partial, 0);
      throw new Error(`the server has no part of it from byte ${have} on`);
    }
    if (statusCode !== 206 && statusCode !== 200) {
      const answer = `${statusCode} ${statusMessage}`.trim();
      if (statusCode >= 500 || statusCode === 408 || statusCode === 429)
        throw new Error(`the server answers ${answer}`);
      throw new UserError({
        what: `can't be fetched: the server answers ${answer}`,
        where: url,
        next: "correct image.url in the site's config, or fetch it by hand and set image.file in its place",
      });
    }
    await writePiece(response, url, partial, statusCode === 206 ? have : 0, progress);
  } finally {
    response.destroy();
  }
}

async function writePiece(
  response: IncomingMessage,
  url: string,
  partial: string,
  from: number,
  progress: ImageOptions["progress"],
): Promise<void> {
  const file = await open(partial, "a");
  try {
    if (from === 0) {
      // In this order: a note must never tell of a version that the bytes are not of.
      await file.truncate(0);
      await writeNote(partial, { url, validator: validatorOf(response) });
    }
    const length = response.headers["content-length"];
    const total = length === undefined ? undefined : from + Number(length);
    let done = from;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      await file.writeFile(chunk);
      done += chunk.length;
      countUsed(chunk.length);
      progress?.(done, total);
    }
    // Node reports a body that ends early; one that a proxy has cut and measured anew shows here.
    const whole = contentRange(response)?.total;
    if (whole !== undefined && done < whole) throw new Error(`the server sent ${done} of ${whole} bytes`);
  } finally {
    await file.close();
  }
}

/** Follows redirects. */
async function request(
  url: string,
  silence: number,
  signal: AbortSignal | undefined,
  headers: Record<string, string>,
): Promise<IncomingMessage> {
  for (let target = url, hops = 0; hops <= 10; hops++) {
    const response = await requestOnce(target, silence, signal, headers);
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) return response;
    response.destroy();
    target = new URL(location, target).href;
    if (!/^https?:/.test(target)) break;
  }
  throw new UserError({
    what: "can't be fetched: the server redirects without an end, or to no web address",
    where: url,
    next: "set image.url to where the file itself is",
  });
}

async function requestOnce(
  url: string,
  silence: number,
  signal: AbortSignal | undefined,
  headers: Record<string, string>,
): Promise<IncomingMessage> {
  const get = url.startsWith("https:") ? getSecure : getPlain;
  return await new Promise((resolve, reject) => {
    const sent = get(url, { headers, timeout: silence, ...(signal && { signal }) }, resolve);
    sent.on("timeout", () => sent.destroy(new Error(`the server said nothing for ${silence / 1000} s`)));
    sent.on("error", reject);
  });
}

// RFC 9110, 14.4: `bytes 5-9/10`, or of a refused range an asterisk and `/10`; the total may be an asterisk too.
function contentRange({
  headers,
}: IncomingMessage): { from: number | undefined; total: number | undefined } | undefined {
  const match = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers["content-range"] ?? "");
  if (match === null) return undefined;
  const [, from, total] = match;
  return {
    from: from === undefined ? undefined : Number(from),
    total: total === undefined || total === "*" ? undefined : Number(total),
  };
}

/** What If-Range takes: a strong entity tag, or else the date (RFC 9110, 13.1.5). */
function validatorOf({ headers }: IncomingMessage): string | undefined {
  const { etag } = headers;
  return etag?.startsWith('"') === true ? etag : headers["last-modified"];
}

const noteSchema = z.strictObject({ url: z.string(), validator: z.string().optional() });

function noteOf(partial: string): string {
  return `${partial}.json`;
}

async function writeNote(partial: string, note: z.infer<typeof noteSchema>): Promise<void> {
  await writeFile(noteOf(partial), JSON.stringify(note));
}

async function readValidator(partial: string, url: string): Promise<string | undefined> {
  const text = await readFile(noteOf(partial), "utf8").catch(() => "");
  try {
    const note = noteSchema.parse(JSON.parse(text));
    return note.url === url ? note.validator : undefined;
  } catch {
    return undefined;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function noRoom(partial: string, cause: unknown): UserError {
  return new UserError(
    {
      what: "the disk has no room for the base image",
      where: partial,
      next: "free space, or set XDG_CACHE_HOME to a folder on another disk; the download goes on where it stopped",
    },
    { cause },
  );
}

function unreachable(url: string, have: number, cause: unknown): UserError {
  const kept = have > 0 ? `; the ${have} bytes that are here are kept, and it goes on from there` : "";
  return new UserError(
    {
      what: `can't be fetched: ${cause instanceof Error ? cause.message : String(cause)}`,
      where: url,
      next: `check this machine's connection and run the command again${kept}`,
    },
    { cause },
  );
}
