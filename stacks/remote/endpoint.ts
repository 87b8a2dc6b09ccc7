import { z } from "zod";
import { host, port, publicKey, userName } from "../config/fields.ts";

/** sshd hangs up after six tries (MaxAuthTries in sshd_config(5)). */
export const mostAdminKeys = 5;

/** A machine on the way to a node. Each value ends up in a file for the OpenSSH client: none may hold its syntax. */
const bastionSchema = z.strictObject({ host, port, user: userName, hostKey: publicKey });

/** Where a node answers, and what both sides prove themselves with. Secret because of its private keys. */
export const endpointSchema = z.strictObject({
  node: z.string(),
  address: host,
  port,
  user: userName,
  /** The node's public host key, "ssh-ed25519 AAAA...". */
  hostKey: publicKey,
  /** The admin's, in OpenSSH's PEM, newest generation first. */
  privateKeys: z.array(z.string().startsWith("-----BEGIN ")).max(mostAdminKeys),
  /** Whether the SSH agent's keys are offered too. */
  agent: z.boolean(),
  bastion: bastionSchema.optional(),
  /** Seconds that a hop may take to answer a call. */
  connectSeconds: z.int().positive(),
  /** Seconds without a word after which the connection counts as broken. */
  silenceSeconds: z.int().positive(),
});
export type Endpoint = Readonly<z.infer<typeof endpointSchema>>;
