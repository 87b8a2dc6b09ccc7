import { z } from "zod";
import { UserError } from "../user-error.ts";
import { contentDigest, imageReference, label, sha256 } from "./fields.ts";

/** The name of the file in a bundle that says what the bundle holds. */
export const lockName = "bundle.lock.json";

export const architectures = ["arm64", "amd64", "arm"] as const;
export type Architecture = (typeof architectures)[number];

/** An image that `npm run bundle` made an archive of. */
const bundledImage = z.strictObject({
  /** The name that pods have to call it by: containerd knows it by no other. */
  reference: imageReference,
  /** Whether the libraries for graphics cards were asked for. */
  gpu: z.boolean(),
  /** Digest of the manifest in the registry, for the boards' architecture. */
  sourceManifest: contentDigest,
  /** Digest of the manifest in the archive: the same one where nothing was left out. */
  manifest: contentDigest,
  leftOut: z.array(z.strictObject({ path: z.string(), files: z.int().min(1), bytes: z.int().min(0) })),
});
export type BundledImage = z.infer<typeof bundledImage>;

const bundleEntry = z.strictObject({
  kind: z.enum(["base-image", "k3s-binary", "k3s-images", "model", "workload-image"]),
  /** Path in the bundle. */
  name: z.string().regex(/^(?!\/)(?!.*(^|\/)\.)[^\0\n\\]+$/, "must be a path in the bundle"),
  /** As the configuration has it: a path, a URL, an image, a model. */
  source: z.string(),
  bytes: z.int().min(0),
  sha256,
  image: bundledImage.optional(),
});
export type BundleEntry = z.infer<typeof bundleEntry>;

const bundleLock = z.strictObject({
  schema: z.literal(1),
  site: label,
  architecture: z.enum(architectures),
  entries: z.array(bundleEntry),
});

/** What is in a bundle, and which bytes that is. */
export type BundleLock = z.infer<typeof bundleLock>;

/** The lock's text: the same for the same content, whatever the order. */
export function renderLock({ schema, site, architecture, entries }: BundleLock): string {
  const sorted = entries
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ kind, name, source, bytes, sha256, image }) => ({
      ...{ kind, name, source, bytes, sha256 },
      ...(image === undefined ? {} : { image }),
    }));
  return `${JSON.stringify({ schema, site, architecture, entries: sorted }, null, 2)}\n`;
}

/** @throws UserError when it is none, or of another version than this one */
export function parseLock(text: string, where: string): BundleLock {
  const next = "make the bundle anew: npm run bundle -- <site>";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError({ what: "is damaged: it is no JSON", where, next }, { cause: error });
  }
  const { success, data, error } = bundleLock.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  throw new UserError({
    what: `is no bundle's lock that is understood here: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
    where,
    next,
  });
}
