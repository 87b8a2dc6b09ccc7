/** An image's name, in its parts. */
export interface ImageName {
  /** As Kubernetes writes it: docker.io, not the host that Docker Hub answers on. */
  readonly registry: string;
  /** library/node */
  readonly repository: string;
  readonly tag: string | undefined;
  /** sha256:... */
  readonly digest: string | undefined;
}

/** An image's name that ends in its digest. */
export type PinnedImage = ImageName & { readonly digest: string };

/**
 * The parts of a reference, normalised as containerd does (distribution/reference, normalize.go): without a host it is Docker
 * Hub's, and there a name without a slash is under library/.
 */
export function parseImageName(reference: string): ImageName {
  const match = /^(.+?)(?::([A-Za-z0-9_][A-Za-z0-9_.-]*))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(reference);
  const [, name = "", tag, digest] = match ?? [];
  const [first = "", ...rest] = name.split("/");
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const registry = hasHost ? first : "docker.io";
  const path = hasHost ? rest.join("/") : name;
  const repository = registry === "docker.io" && !path.includes("/") ? `library/${path}` : path;
  return { registry, repository, tag, digest };
}

/** As `parseImageName`, of a reference that ends in a digest; the configuration's do. */
export function parsePinnedImage(reference: string): PinnedImage {
  const { digest, ...name } = parseImageName(reference);
  if (digest === undefined) throw new Error(`${reference} does not end in a digest`);
  return { ...name, digest };
}

/** Where a registry answers. A registry on this machine is asked in plain HTTP, as Docker and containerd do. */
export function registryUrl(registry: string): string {
  if (registry === "docker.io") return "https://registry-1.docker.io";
  return /^(localhost|127(\.\d+){3})(:\d+)?$/.test(registry) ? `http://${registry}` : `https://${registry}`;
}

/** The name of an image's archive: nodes keep all archives in one directory. */
export function archiveName({ repository, tag, digest }: PinnedImage, architecture: string, gpu: boolean): string {
  const parts = [repository.split("/").at(-1), tag, hex(digest), architecture, gpu ? "gpu" : undefined];
  return `${parts.filter((part) => part !== undefined).join("-")}.tar`;
}

/**
 * What pods call the image of an archive. Not by digest: containerd would look for an image of that very name, and a digest
 * cannot name what was changed. The tag follows the content, so that another image never hides behind a name that is known.
 * @param manifest digest of the manifest in the archive
 */
export function podReference({ registry, repository, tag }: ImageName, manifest: string): string {
  return `${registry}/${repository}:${tag === undefined ? "" : `${tag.slice(0, 100)}-`}${hex(manifest)}`;
}

function hex(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, 12);
}
