import { createPrivateKey, createPublicKey } from "node:crypto";
import { formatPem } from "./pem.ts";

export interface SshKey {
  /** An OpenSSH private key file, unencrypted. */
  readonly privateKey: string;
  /** `ssh-ed25519 <base64> <comment>`, as in authorized_keys and known_hosts. */
  readonly publicKey: string;
}

const algorithm = "ssh-ed25519";
// PKCS #8 (RFC 8410) up to the 32 bytes of an Ed25519 seed: how node:crypto takes one.
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

/** The Ed25519 key of a 32-byte seed, in OpenSSH's own formats (openssh-portable, PROTOCOL.key). */
export function sshKeyFromSeed(seed: Uint8Array, comment: string): SshKey {
  if (seed.length !== 32) throw new Error(`an Ed25519 seed has 32 bytes, not ${seed.length}`);
  if (!/^[!-~]+$/.test(comment)) throw new Error(`not a key comment: ${JSON.stringify(comment)}`);
  const point = publicPoint(seed);
  const publicBlob = Buffer.concat([field(algorithm), field(point)]);
  // Two equal numbers that tell a right passphrase from a wrong one. Without encryption they mean nothing, so they are fixed.
  const check = Buffer.alloc(8);
  const secrets = Buffer.concat([check, publicBlob, field(Buffer.concat([seed, point])), field(comment)]);
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    field("none"), // cipher
    field("none"), // key derivation
    field(""), // and its options
    uint32(1), // number of keys
    field(publicBlob),
    field(pad(secrets)),
  ]);
  return {
    privateKey: formatPem("OPENSSH PRIVATE KEY", file),
    publicKey: `${algorithm} ${publicBlob.toString("base64")} ${comment}`,
  };
}

function publicPoint(seed: Uint8Array): Buffer {
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: "der", type: "pkcs8" });
  return createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function field(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** Padded to the cipher's block size, which is 8 for "none", with 1, 2, 3 and so on. */
function pad(bytes: Buffer): Buffer {
  const missing = (8 - (bytes.length % 8)) % 8;
  return Buffer.concat([bytes, Buffer.from(Array.from({ length: missing }, (_, index) => index + 1))]);
}
