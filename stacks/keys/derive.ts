import { hkdfSync } from "node:crypto";

/** What a derived secret is for. These words are part of the labels: changing one changes a site's keys. */
export type Purpose =
  | "admin-key"
  | "api-key"
  | "authority-key"
  | "authority-serial"
  | "client-key"
  | "client-serial"
  | "host-key"
  | "node-password"
  | "service-key"
  | "token";

export interface Label {
  readonly site: string;
  readonly purpose: Purpose;
  readonly name: string;
  readonly generation: number;
}

/**
 * `length` bytes for one label, by HKDF-SHA256 (RFC 5869, empty salt) from the root secret.
 * Same root and label, same bytes; each label's bytes say nothing about any other's.
 */
export function derive(root: Uint8Array, label: Label, length: number): Buffer {
  return Buffer.from(hkdfSync("sha256", root, Buffer.alloc(0), formatLabel(label), length));
}

/** `bramble/v1/<site>/<purpose>/<name>/<generation>`; no part can hold a slash, so two labels never read alike. */
export function formatLabel({ site, purpose, name, generation }: Label): string {
  for (const part of [site, purpose, name])
    if (!/^[a-z0-9][a-z0-9-]*$/.test(part)) throw new Error(`not a part of a key label: ${JSON.stringify(part)}`);
  if (!Number.isSafeInteger(generation) || generation < 1) throw new Error(`not a key generation: ${generation}`);
  return `bramble/v1/${site}/${purpose}/${name}/${generation}`;
}
