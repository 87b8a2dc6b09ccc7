import { z } from "zod";
import type { Endpoint } from "../remote/endpoint.ts";
import { runPython } from "../remote/remote-python.ts";

const accountSchema = z.strictObject({
  home: z.string(),
  /** The lines of authorized_keys, without comments. */
  keys: z.array(z.string()),
  /** Whether the admin key was missing, and is there now. */
  added: z.boolean(),
});
export type Account = z.infer<typeof accountSchema>;

/** The account that the endpoint logs in to; changes nothing. */
export function readAccount(endpoint: Endpoint): Promise<Account> {
  return callAccount(endpoint, null);
}

/** Appends a public key to the account's authorized_keys, unless it is there. */
export function admitKey(endpoint: Endpoint, key: string): Promise<Account> {
  return callAccount(endpoint, key);
}

async function callAccount(endpoint: Endpoint, key: string | null): Promise<Account> {
  return accountSchema.parse(await runPython(endpoint, ["nodes/adoption.py"], { user: endpoint.user, key }));
}
