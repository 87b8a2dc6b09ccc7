/**
 * Where the parts of a model lie in the storage of the registry that most run (distribution/distribution, registry/storage/paths.go;
 * Debian's docker-registry). So a site's registry is filled by pointing it at the bundle: nothing is pushed, nothing is held twice,
 * and no tool is needed where there is no internet.
 */
const storage = "models/docker/registry/v2";

/** A model's parts in a bundle. */
export interface ModelName {
  /** library/gemma3 */
  readonly repository: string;
  readonly tag: string;
}

/** Where a blob or a manifest is. @param digest sha256:... */
export function blobPath(digest: string): string {
  const hex = digest.slice("sha256:".length);
  return `${storage}/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
}

/** The files that make blobs a model of a repository: each holds a digest. */
export function linksOf(
  { repository, tag }: ModelName,
  manifest: string,
  blobs: readonly string[],
): ReadonlyMap<string, string> {
  const directory = `${storage}/repositories/${repository}`;
  const at = (digest: string) => `${digest.replace(":", "/")}/link`;
  return new Map([
    ...blobs.map((digest): [string, string] => [`${directory}/_layers/${at(digest)}`, digest]),
    [`${directory}/_manifests/revisions/${at(manifest)}`, manifest],
    [`${directory}/_manifests/tags/${tag}/current/link`, manifest],
    [`${directory}/_manifests/tags/${tag}/index/${at(manifest)}`, manifest],
  ]);
}
