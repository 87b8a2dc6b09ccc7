import type { Architecture } from "../../../stacks/config/bundle-lock.ts";
import type { Patience } from "../../../stacks/download.ts";
import { UserError } from "../../../stacks/user-error.ts";

/** Where K3s's releases are (k3s-io/k3s, install.sh: GITHUB_URL). */
export const k3sReleases = "https://github.com/k3s-io/k3s/releases/download/";

/** Compares digests of the configuration with the checksums that K3s publishes beside each release. */
export class ReleaseSums {
  readonly #releases: string;
  readonly #architecture: Architecture;
  readonly #patience: Patience;
  readonly #signal: AbortSignal;
  readonly #known = new Map<string, Promise<ReadonlyMap<string, string>>>();

  constructor(options: { releases: string; architecture: Architecture; patience: Patience; signal: AbortSignal }) {
    this.#releases = options.releases;
    this.#architecture = options.architecture;
    this.#patience = options.patience;
    this.#signal = options.signal;
  }

  /** @throws UserError when the URL is one of a K3s release, and the release does not say the same digest */
  async check(url: string, sha256: string): Promise<void> {
    if (!url.startsWith(this.#releases)) return;
    const sumsUrl = new URL(`sha256sum-${this.#architecture}.txt`, url).href;
    let sums = this.#known.get(sumsUrl);
    if (sums === undefined) {
      sums = this.#fetch(sumsUrl);
      this.#known.set(sumsUrl, sums);
    }
    const name = decodeURIComponent(new URL(url).pathname.split("/").at(-1) ?? "");
    const published = (await sums).get(name);
    if (published === undefined)
      throw new UserError({
        what: `is not in the release's own checksums for ${this.#architecture}, ${sumsUrl}`,
        where: url,
        next: "name the release's file for the boards, or give their architecture with --arch",
      });
    if (published !== sha256)
      throw new UserError({
        what: `the config and K3s's release do not agree on its digest\n  config  sha256 ${sha256}\n  release sha256 ${published}`,
        where: url,
        next: `correct sha256 in the site's config once you know which is right; ${sumsUrl} is what the release says`,
      });
  }

  async #fetch(url: string): Promise<ReadonlyMap<string, string>> {
    let why = "";
    for (let tries = 0; tries < this.#patience.tries; tries++)
      try {
        const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(this.#patience.silence)]);
        const response = await fetch(url, { signal });
        if (response.ok) return parseSums(await response.text());
        why = `the server answers ${response.status}`;
        if (response.status < 500) break;
      } catch (error) {
        this.#signal.throwIfAborted();
        const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error;
        why = reason instanceof Error ? reason.message : String(reason);
      }
    throw new UserError({
      what: `the checksums of K3s's release can't be fetched: ${why}`,
      where: url,
      next: "check this machine's connection, and that the release in the config exists; then run the command again",
    });
  }
}

/** Digests by file, as sha256sum prints them. */
export function parseSums(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^([0-9a-f]{64}) [ *](.+?)\r?$/gm)].map(([, sha256 = "", name = ""]) => [name, sha256]),
  );
}
