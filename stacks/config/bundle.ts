import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../root.ts";
import { UserError } from "../user-error.ts";
import type { ArtefactSource, WorkloadImage } from "./artefact.ts";
import { lockName, parseLock, type BundleEntry, type BundleLock } from "./bundle-lock.ts";
import type { BaseImage, Site } from "./site.ts";

/** Holds the bundles of all sites. */
export const bundlesDirectory = "bundles";

/** What the bundle of a site holds; undefined where there is none. @throws UserError when it is damaged */
export function readBundle(site: string, bundles = join(root, bundlesDirectory)): BundleLock | undefined {
  return readLock(join(bundles, site), site);
}

/** The lock of a site's bundle in a directory, undefined where there is none. @throws UserError when it is damaged */
export function readLock(directory: string, site: string): BundleLock | undefined {
  const file = join(directory, lockName);
  if (!existsSync(file)) return undefined;
  const lock = parseLock(readFileSync(file, "utf8"), file);
  if (lock.site === site) return lock;
  throw new UserError({
    what: `is the bundle of site ${lock.site}, not of ${site}`,
    where: file,
    next: "make this site's: npm run bundle -- <site>, or take the directory away",
  });
}

/** A site as it is brought up: what its bundle has is taken from there. */
export interface BundledSite {
  readonly site: Site;
  /** What of the bundle it needs. */
  readonly used: readonly BundleEntry[];
}

type Source = ArtefactSource | WorkloadImage | BaseImage;

/**
 * Names the bundle's files in a site's configuration: in place of what is known by URL or by image and, of a site that is
 * offline, of everything. Without `offline` a file that the configuration names stays that file.
 * @throws UserError with everything that is on this machine neither by path nor in the bundle. The base image may also be
 * fetched by URL, unless the site is offline
 */
export function takeFromBundle(site: Site, lock: BundleLock | undefined): BundledSite {
  const { take, used } = taker(site, lock);
  const image = take(site.image, "image");
  const k3s = {
    ...site.k3s,
    binary: take(site.k3s.binary, "k3s.binary"),
    images: site.k3s.images.map((given, index) => take(given, `k3s.images.${index}`)),
  };
  const images = site.images.map((given, index) => take(given, `images.${index}`));
  return { used: used(), site: { ...site, image, k3s, images } };
}

/** As `takeFromBundle`, for the cards' base image alone. */
export function takeBaseImage(
  site: Site,
  lock: BundleLock | undefined,
): { readonly image: BaseImage; readonly used: readonly BundleEntry[] } {
  const { take, used } = taker(site, lock);
  const image = take(site.image, "image");
  return { image, used: used() };
}

function taker({ name, offline }: Site, lock: BundleLock | undefined) {
  const entries = new Map<string, BundleEntry>();
  const missing: string[] = [];
  const take = <Given extends Source>(given: Given, path: string): Given => {
    if (given.file !== undefined && !offline) return given;
    const entry = lock?.entries.find((candidate) => isOf(candidate, given));
    if (entry === undefined) {
      if (offline || path !== "image") missing.push(`${path}: ${describe(given)}`);
      return given;
    }
    entries.set(entry.name, entry);
    const file = `${bundlesDirectory}/${name}/${entry.name}`;
    return { ...given, url: undefined, image: undefined, file, sha256: entry.sha256 };
  };
  const used = () => {
    if (missing.length === 0) return [...entries.values()];
    const lacks = lock === undefined ? "has no bundle" : "its bundle does not hold all";
    throw new UserError({
      what: `${offline ? "is offline" : "takes artefacts from its bundle"}, and ${lacks}; missing are\n${missing.map((line) => `  - ${line}`).join("\n")}`,
      where: `site ${name}`,
      next: offline
        ? `on a machine with internet: npm run bundle -- <site>; then bring ${bundlesDirectory}/${name} here`
        : "fetch all that the site needs: npm run bundle -- <site>",
    });
  };
  return { take, used };
}

function isOf(entry: BundleEntry, given: Source): boolean {
  if ("image" in given && given.image !== undefined)
    return entry.source === given.image && entry.image?.gpu === given.gpu;
  return entry.sha256 === given.sha256 && entry.kind !== "model";
}

function describe(given: Source): string {
  const digest = given.sha256 === undefined ? "" : `, sha256 ${given.sha256}`;
  return `${given.file ?? given.url ?? ("image" in given ? given.image : undefined) ?? ""}${digest}`;
}
