import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describeSite, renderManifest, type BackupManifest } from "../../../../scripts/lib/backup/manifest.ts";
import type { Site } from "../../../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../../../stacks/keys/site-keys.ts";
import { exampleRootSecret, exampleSite } from "../../../stacks/keys/example.ts";

export const site = exampleSite();
export const keys = deriveSiteKeys(exampleRootSecret, site);

export const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");

/** Bytes that do not repeat, the same ones for the same seed. */
export function bytesOf(seed: string, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let counter = 0; counter * 32 < length; counter += 1)
    parts.push(createHash("sha256").update(`${seed} ${counter}`).digest());
  return Buffer.concat(parts).subarray(0, length);
}

/** The key under which K3s keeps what a restore needs. */
export const bootstrapKey = (token: string) => `/bootstrap/${sha256(token).slice(0, 12)}`;

/** What etcd's file might look like: pages, and in one of them K3s's key. */
export function exampleSnapshot(seed: string, length: number, token = keys.serverToken): Buffer {
  const bytes = bytesOf(seed, length);
  bytes.write(bootstrapKey(token), Math.floor(length / 2), "latin1");
  return bytes;
}

export function exampleManifest(changes: Partial<BackupManifest> = {}, of: Site = site): BackupManifest {
  return {
    schema: 1,
    ...describeSite(of, keys),
    k3sVersion: "v1.34.2+k3s1",
    tokenGeneration: 1,
    server: "pi-1",
    snapshot: "bramble-backup-pi-1-1764000000",
    time: "2025-11-24T16:00:00.000Z",
    bytes: 3,
    sha256: sha256("abc"),
    ...changes,
  };
}

/** A backup's directory with this snapshot. */
export async function writeBackup(directory: string, snapshot: Buffer, changes: Partial<BackupManifest> = {}) {
  const manifest = exampleManifest({ bytes: snapshot.length, sha256: sha256(snapshot), ...changes });
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "snapshot"), snapshot);
  await writeFile(join(directory, "manifest.json"), renderManifest(manifest));
  return manifest;
}
