import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Patience } from "../../../stacks/download.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { manifestTypes } from "./image-manifest.ts";

/** Where something is in a registry. */
export interface Repository {
  /** Of the registry: https://registry-1.docker.io */
  readonly url: string;
  /** library/node */
  readonly name: string;
}

/** Bytes of a manifest; registries refuse larger ones. */
const largestManifest = 4 << 20;

/** Seconds before its end at which a token is replaced. */
const spare = 20;

interface Token {
  readonly header: string;
  /** Milliseconds since 1970. */
  readonly ends: number;
}

const tokenAnswer = z.looseObject({
  token: z.string().optional(),
  access_token: z.string().optional(),
  // Docker's token specification: 60 where nothing is said.
  expires_in: z.number().default(60),
});

/** Asks container registries, without an account (OCI Distribution 1.1; tokens as in Docker's token specification). */
export class Registries {
  readonly #patience: Patience;
  readonly #signal: AbortSignal;
  readonly #tokens = new Map<string, { challenge: string; token: Token }>();

  constructor(patience: Patience, signal: AbortSignal) {
    this.#patience = patience;
    this.#signal = signal;
  }

  /**
   * Fetches a manifest.
   * @param reference a digest, which is compared, or a tag
   * @param options.tries fewer than patience has, for a registry that may well not be there
   * @throws UserError when it is not there, is another one, asks for a login, or nobody answers
   */
  async manifest(
    repository: Repository,
    reference: string,
    options: { readonly tries?: number } = {},
  ): Promise<{ readonly bytes: Buffer; readonly digest: string }> {
    const url = `${repository.url}/v2/${repository.name}/manifests/${reference}`;
    const response = await this.#get(url, repository, options.tries ?? this.#patience.tries);
    if (response.status === 404)
      throw new UserError({
        what: `there is no such ${reference.startsWith("sha256:") ? "image" : "tag"} in the registry`,
        where: url,
        next: "correct the name, or see where it was moved to",
      });
    if (response.status !== 200) throw refused(url, response.status);
    const digest = `sha256:${createHash("sha256").update(response.body).digest("hex")}`;
    if (reference.startsWith("sha256:") && digest !== reference)
      throw new UserError({
        what: `the registry sends a manifest of another digest\n  expected ${reference}\n  found    ${digest}`,
        where: url,
        next: "do not use this registry until you know why",
      });
    return { bytes: response.body, digest };
  }

  /** Where a blob is fetched from, and with which headers. */
  blob(repository: Repository, digest: string) {
    return {
      url: `${repository.url}/v2/${repository.name}/blobs/${digest}`,
      headers: async () => await this.#authorization(repository),
    };
  }

  async #get(url: string, repository: Repository, tries: number): Promise<{ status: number; body: Buffer }> {
    let asked = false;
    for (let failures = 0; ;) {
      try {
        const response = await this.#fetch(url, await this.#authorization(repository));
        const challenge = response.headers.get("www-authenticate") ?? "";
        if (response.status === 401 && !asked) {
          asked = true;
          await response.body?.cancel();
          await this.#login(repository, challenge, url);
          continue;
        }
        if (response.status >= 500 || response.status === 429)
          throw new Error(`the registry answers ${response.status}`);
        return { status: response.status, body: await bodyOf(response, url) };
      } catch (error) {
        this.#signal.throwIfAborted();
        if (error instanceof UserError) throw error;
        if (++failures >= tries) throw unreachable(url, error);
        await sleep(failures * this.#patience.pause, undefined, { signal: this.#signal });
      }
    }
  }

  async #authorization(repository: Repository): Promise<Record<string, string>> {
    const key = `${repository.url}/${repository.name}`;
    const known = this.#tokens.get(key);
    if (known === undefined) return {};
    if (known.token.ends <= Date.now()) await this.#login(repository, known.challenge, key);
    return { authorization: this.#tokens.get(key)?.token.header ?? "" };
  }

  async #login(repository: Repository, challenge: string, where: string): Promise<void> {
    const parameters = new Map(
      [...challenge.matchAll(/([a-z]+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]),
    );
    const realm = parameters.get("realm");
    if (!/^bearer /i.test(challenge) || realm === undefined || !URL.canParse(realm)) throw refused(where, 401);
    const url = new URL(realm);
    for (const key of ["service", "scope"]) {
      const value = parameters.get(key);
      if (value !== undefined) url.searchParams.set(key, value);
    }
    if (!url.searchParams.has("scope")) url.searchParams.set("scope", `repository:${repository.name}:pull`);
    const response = await this.#fetch(url.href, {});
    if (response.status !== 200) throw refused(where, response.status);
    const answer = tokenAnswer.parse(JSON.parse((await bodyOf(response, url.href)).toString("utf8")));
    const token = answer.token ?? answer.access_token;
    if (token === undefined) throw refused(where, 401);
    this.#tokens.set(`${repository.url}/${repository.name}`, {
      challenge,
      token: { header: `Bearer ${token}`, ends: Date.now() + Math.max(0, answer.expires_in - spare) * 1000 },
    });
  }

  async #fetch(url: string, headers: Record<string, string>): Promise<Response> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(this.#patience.silence)]);
    return await fetch(url, { headers: { accept: manifestTypes, ...headers }, signal });
  }
}

async function bodyOf(response: Response, where: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > largestManifest)
      throw new UserError({
        what: "the registry sends more than a manifest can be",
        where,
        next: "see that the name is that of a registry and an image",
      });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refused(where: string, status: number): UserError {
  return status === 401 || status === 403
    ? new UserError({
        what: `the registry wants a login (it answers ${status}), and images are fetched without one`,
        where,
        next: "correct the name; if it is a private image, save it as an archive where you are logged in, and name its file",
      })
    : new UserError({
        what: `the registry answers ${status}`,
        where,
        next: "correct the name, or see what became of the registry",
      });
}

function unreachable(url: string, cause: unknown): UserError {
  // fetch says only "fetch failed"; what failed is its cause.
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return new UserError(
    {
      what: `the registry can't be reached: ${reason instanceof Error ? reason.message : String(reason)}`,
      where: url,
      next: "check this machine's connection and run the command again; what was fetched is kept",
    },
    { cause },
  );
}
