import { randomBytes } from "node:crypto";
import { sshKeyFromSeed, type SshKey } from "../stacks/keys/ssh-key.ts";

/** A key pair that nobody else has. */
export function generateSshKey(comment: string): SshKey {
  return sshKeyFromSeed(randomBytes(32), comment);
}
