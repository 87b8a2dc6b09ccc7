import { open, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { request as requestPlain, type IncomingMessage } from "node:http";
import { request as requestSecure } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { countUsed } from "./cards/chunk-memory.ts";
import { digestOfFile } from "./cards/image-digest.ts";
import { UserError } from "./user-error.ts";

/** How long a download puts up with a bad line. */
export interface Patience {
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly silence: number;
  /** Times in a row that it is tried without getting any further. */
  readonly tries: number;
  /** Milliseconds before the second try; the third waits twice as long, and so on. */
  readonly pause: number;
}

export const defaultPatience: Patience = { silence: 30_000, tries: 5, pause: 1000 };

/** A file to be fetched. */
export interface Wanted {
  readonly url: string;
  readonly sha256: string;
  /** Where it goes. Until it is whole and its digest is right it is <path>.partial beside it. */
  readonly path: string;
  /** Sent along, asked for before each connection: tokens expire. No other host gets to see them. */
  readonly headers?: () => Promise<Readonly<Record<string, string>>>;
  readonly advice: Advice;
}

/** What a person is told of a file that can't be had. */
export interface Advice {
  /** What the file is, as in "the disk has no room for the base image". */
  readonly file: string;
  /** Where its digest was expected from, as in "than the config says". */
  readonly expectedBy: string;
  readonly otherDigest: string;
  readonly refused: string;
  readonly redirected: string;
  readonly noRoom: string;
}

interface Options {
  readonly progress?: (done: number, total: number | undefined) => void;
  readonly signal?: AbortSignal;
}

/**
 * Fetches a file, which takes its name only when its digest is right. A download that was cut off goes on where it stopped, in
 * this run and in the next.
 * @throws UserError when the server refuses, stays away too long, or serves a file of another digest
 */
export async function download(
  wanted: Wanted,
  options: Options = {},
  patience: Patience = defaultPatience,
): Promise<void> {
  const { url, sha256, path, advice } = wanted;
  const partial = `${path}.partial`;
  const begun = ((await sizeOf(partial)) ?? 0) > 0;
  let resumed = (await fetchAll(wanted, partial, options, patience)) || begun;
  for (;;) {
    const found = await digestOfFile(partial, options);
    if (found === sha256) break;
    const aside = await setAside(partial);
    if (!resumed)
      throw new UserError({
        what: `serves a file of another digest than ${advice.expectedBy}\n  expected sha256 ${sha256}\n  found    sha256 ${found}\n  what was fetched is kept as ${aside}`,
        where: url,
        next: advice.otherDigest,
      });
    // Its parts may be of two versions of the file, from a server that doesn't tell them apart: once more, as a whole.
    resumed = false;
    await fetchAll(wanted, partial, options, patience);
  }
  const file = await open(partial);
  await file.sync().finally(() => file.close());
  await rename(partial, path);
  await rm(noteOf(partial), { force: true });
}

/** Takes a wrong file out of the way. @returns where it is kept, in place of an earlier one */
export async function setAside(path: string): Promise<string> {
  const aside = `${path.replace(/\.partial$/, "")}.mismatch`;
  await rename(path, aside);
  return aside;
}

/**
 * Bytes of what a URL leads to, without fetching it; undefined where the server does not say.
 * @throws UserError when it is not there, or nobody answers
 */
export async function lengthOf(
  wanted: Pick<Wanted, "url" | "headers" | "advice">,
  signal: AbortSignal | undefined,
  patience: Patience = defaultPatience,
): Promise<number | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      const response = await request("HEAD", wanted, patience.silence, signal, {});
      response.destroy();
      const { statusCode = 0, statusMessage = "", headers } = response;
      // Some servers answer HEAD with an error and GET with the file.
      if (statusCode === 404 || statusCode === 410 || statusCode === 401)
        throw refused(wanted, `${statusCode} ${statusMessage}`.trim());
      const length = headers["content-length"];
      return statusCode === 200 && length !== undefined ? Number(length) : undefined;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof UserError) throw error;
      if (tries >= patience.tries) throw unreachable(wanted.url, 0, error);
      await sleep(tries * patience.pause, undefined, { ...(signal && { signal }) });
    }
  }
}

/** Bytes of a file, undefined where there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** The code of a system's error, such as ENOENT. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/**
 * Fetches what is missing of a file, over as many connections as it takes.
 * @returns whether it is made of more than one piece
 */
async function fetchAll(wanted: Wanted, partial: string, options: Options, patience: Patience): Promise<boolean> {
  const { signal } = options;
  for (let failures = 0, pieces = 1; ; pieces++) {
    const before = (await sizeOf(partial)) ?? 0;
    try {
      await fetchPiece(wanted, partial, options, patience);
      return pieces > 1;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof UserError) throw error;
      if (codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT") throw noRoom(partial, wanted.advice, error);
      const now = (await sizeOf(partial)) ?? 0;
      failures = now > before ? 1 : failures + 1;
      if (failures >= patience.tries) throw unreachable(wanted.url, now, error);
      await sleep(failures * patience.pause, undefined, { ...(signal && { signal }) });
    }
  }
}

/** @throws Error when the connection or the server fails in a way that may pass */
async function fetchPiece(wanted: Wanted, partial: string, { progress, signal }: Options, patience: Patience) {
  const have = (await sizeOf(partial)) ?? 0;
  const validator = await readValidator(partial, wanted.url);
  const response = await request("GET", wanted, patience.silence, signal, {
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
      throw refused(wanted, answer);
    }
    await writePiece(response, wanted.url, partial, statusCode === 206 ? have : 0, progress);
  } finally {
    response.destroy();
  }
}

async function writePiece(
  response: IncomingMessage,
  url: string,
  partial: string,
  from: number,
  progress: Options["progress"],
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
  method: "GET" | "HEAD",
  { url, headers: own, advice }: Pick<Wanted, "url" | "headers" | "advice">,
  silence: number,
  signal: AbortSignal | undefined,
  headers: Record<string, string>,
): Promise<IncomingMessage> {
  const { origin } = new URL(url);
  const confidential = (await own?.()) ?? {};
  for (let target = url, hops = 0; hops <= 10; hops++) {
    const sent = new URL(target).origin === origin ? { ...headers, ...confidential } : headers;
    const response = await requestOnce(method, target, silence, signal, sent);
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.statusCode ?? 0) || location === undefined) return response;
    response.destroy();
    target = new URL(location, target).href;
    if (!/^https?:/.test(target)) break;
  }
  throw new UserError({
    what: "can't be fetched: the server redirects without an end, or to no web address",
    where: url,
    next: advice.redirected,
  });
}

async function requestOnce(
  method: "GET" | "HEAD",
  url: string,
  silence: number,
  signal: AbortSignal | undefined,
  headers: Record<string, string>,
): Promise<IncomingMessage> {
  const send = url.startsWith("https:") ? requestSecure : requestPlain;
  return await new Promise((resolve, reject) => {
    const sent = send(url, { method, headers, timeout: silence, ...(signal && { signal }) }, resolve);
    sent.on("timeout", () => sent.destroy(new Error(`the server said nothing for ${silence / 1000} s`)));
    sent.on("error", reject);
    sent.end();
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

function refused({ url, advice }: Pick<Wanted, "url" | "advice">, answer: string): UserError {
  return new UserError({
    what: `can't be fetched: the server answers ${answer}`,
    where: url,
    next: advice.refused,
  });
}

function noRoom(partial: string, advice: Advice, cause: unknown): UserError {
  return new UserError(
    { what: `the disk has no room for ${advice.file}`, where: partial, next: advice.noRoom },
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
