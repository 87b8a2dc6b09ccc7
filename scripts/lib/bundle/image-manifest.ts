import { z } from "zod";
import type { Architecture } from "../../../stacks/config/bundle-lock.ts";
import { contentDigest } from "../../../stacks/config/fields.ts";
import { UserError } from "../../../stacks/user-error.ts";

/** What a registry is asked for: one image's manifest, or a list of them by platform, in Docker's words and in OCI's. */
export const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");

const descriptor = z.looseObject({ mediaType: z.string(), digest: contentDigest, size: z.int().min(0) });
export type Descriptor = z.infer<typeof descriptor>;

const manifest = z.looseObject({
  mediaType: z.string().optional(),
  config: descriptor,
  layers: z.array(descriptor),
});
/** A manifest's JSON: of an image, or of a model, which Ollama keeps in the same form. */
export type Manifest = z.infer<typeof manifest>;

const platform = z.looseObject({ os: z.string(), architecture: z.string() });
const list = z.looseObject({ manifests: z.array(descriptor.extend({ platform: platform.optional() })) });

/** @throws UserError when it is no manifest */
export function parseManifest(bytes: Buffer, where: string): Manifest {
  const { success, data } = manifest.safeParse(parseJson(bytes));
  if (success) return data;
  throw notUnderstood(where);
}

/**
 * The manifest that a list has for the boards; undefined where it is no list but a manifest itself.
 * @throws UserError when the list has none
 */
export function chooseManifest(bytes: Buffer, architecture: Architecture, where: string): Descriptor | undefined {
  const { success, data } = list.safeParse(parseJson(bytes));
  if (!success) return undefined;
  const platforms = data.manifests.filter((entry) => entry.platform !== undefined && entry.platform.os !== "unknown");
  const chosen = platforms.find(
    (entry) => entry.platform?.os === "linux" && entry.platform.architecture === architecture,
  );
  if (chosen !== undefined) return chosen;
  const others = platforms.map((entry) => `${entry.platform?.os ?? ""}/${entry.platform?.architecture ?? ""}`);
  throw new UserError({
    what: `is there for ${others.join(", ") || "no platform"}, and not for linux/${architecture}`,
    where,
    next: "name an image for the boards, or give their architecture with --arch",
  });
}

const config = z.looseObject({
  os: z.string(),
  architecture: z.string(),
  rootfs: z.looseObject({ diff_ids: z.array(contentDigest) }),
});
export type ImageConfig = z.infer<typeof config>;

/** @throws UserError when it is no image's configuration, or of an image for other boards */
export function parseImageConfig(
  bytes: Buffer,
  { layers }: Manifest,
  architecture: Architecture,
  where: string,
): ImageConfig {
  const { success, data } = config.safeParse(parseJson(bytes));
  if (!success || data.rootfs.diff_ids.length !== layers.length) throw notUnderstood(where);
  if (data.os === "linux" && data.architecture === architecture) return data;
  throw new UserError({
    what: `is an image for ${data.os}/${data.architecture}, and not for linux/${architecture}`,
    where,
    next: "name an image for the boards, or give their architecture with --arch",
  });
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

function notUnderstood(where: string): UserError {
  return new UserError({
    what: "is no manifest that is understood here",
    where,
    next: "see that the name is that of an image; to bundle it all the same, save it as an archive and name its file",
  });
}
