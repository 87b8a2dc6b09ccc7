import { createHash } from "node:crypto";

/** Who may ask the site's models: each client's name, with the SHA-256 of its API key in hexadecimal. */
export type ApiClients = Readonly<Record<string, string>>;

/** Where the proxy reads of each known key whose it is. */
export const apiKeysFile = "/keys/clients.map";

/**
 * What a cluster keeps of an API key. A key is random and long, so that a plain hash of it gives nothing away.
 * @throws Error for a key short enough to be guessed, or one that no client could send in a header
 */
export function hashApiKey(key: string): string {
  if (!/^[\x21-\x7e]{32,256}$/.test(key))
    throw new Error("an API key has 32 to 256 printable characters and no space in it");
  return createHash("sha256").update(key).digest("hex");
}

/** The map that HAProxy looks a key's hash up in: a line for each client, hash and name. */
export function renderApiClients(clients: ApiClients): string {
  const lines = Object.entries(clients).map(([name, hash]) => {
    if (!/^[a-z][a-z0-9-]{0,62}$/.test(name)) throw new Error(`${name} is no name of an API client`);
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new Error(`the hash of ${name}'s API key is no SHA-256 in hexadecimal`);
    return `${hash} ${name}\n`;
  });
  if (new Set(Object.values(clients)).size < lines.length) throw new Error("two API clients have the same key");
  return lines.sort().join("");
}
