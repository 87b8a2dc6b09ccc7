import { z } from "zod";
import type { Site } from "../../../stacks/config/site.ts";
import type { SiteKeys } from "../../../stacks/keys/site-keys.ts";
import { authorityDigest } from "../../../stacks/nodes/cluster-authority.ts";
import { UserError } from "../../../stacks/user-error.ts";

/** What a backup says of itself: manifest.json beside the snapshot. Nothing in it is secret. */
export const manifestSchema = z.strictObject({
  schema: z.literal(1),
  site: z.string(),
  /** The K3s release that the server ran. */
  k3sVersion: z.string().regex(/^v1\.\d+\.\d+\+k3s\d+$/),
  /** Of the token that K3s encrypted what it needs for a restore with. */
  tokenGeneration: z.int().min(1),
  /**
   * SHA-256 in hex of the certificate of the cluster's authority, which is derived from the root secret: it tells another root secret
   * without giving anything away, and a restored cluster must have the same one.
   */
  clusterAuthority: z.string().regex(/^[0-9a-f]{64}$/),
  /** The node that the snapshot comes from. */
  server: z.string(),
  /** K3s's own name of it. */
  snapshot: z.string(),
  /** When it was taken. */
  time: z.iso.datetime(),
  bytes: z.int().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  nodes: z.record(z.string(), z.strictObject({ role: z.enum(["server", "agent"]), generation: z.int().min(1) })),
});
export type BackupManifest = z.infer<typeof manifestSchema>;

export const manifestName = "manifest.json";
export const snapshotName = "snapshot";

export function renderManifest(manifest: BackupManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** @param where the file that the text comes from. @throws UserError */
export function parseManifest(text: string, where: string): BackupManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable(where, "it is no JSON");
  }
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw unreadable(where, z.prettifyError(parsed.error));
}

function unreadable(where: string, why: string): UserError {
  return new UserError({
    what: `is not the manifest of a backup: ${why}`,
    where,
    next: "name a directory that npm run backup made, whole: backups/<site>/<time>",
  });
}

/** What the manifest says of the site that a backup is made of. */
export function describeSite(site: Site, keys: SiteKeys): Pick<BackupManifest, "site" | "clusterAuthority" | "nodes"> {
  return {
    site: site.name,
    clusterAuthority: authorityOf(keys),
    nodes: Object.fromEntries(
      Object.entries(site.nodes).map(([name, { role, generation }]) => [name, { role, generation }]),
    ),
  };
}

export function authorityOf(keys: SiteKeys): string {
  return authorityDigest(keys.authorities["server-ca"].certificate);
}
