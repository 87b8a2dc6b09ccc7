import { createHash } from "node:crypto";

/** A public key as `ssh-keygen -l` shows it: "SHA256:...". */
export function fingerprintOf(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(" ")[1] ?? "", "base64");
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}
