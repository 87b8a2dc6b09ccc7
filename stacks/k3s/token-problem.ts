import { createHash } from "node:crypto";
import type { SiteKeys } from "../keys/site-keys.ts";
import type { K3sReport } from "../nodes/facts.ts";

/** The generation of the token that a server has, undefined for one that is none of the site's last ones. */
export function tokenGenerationOf(tokens: SiteKeys["tokens"], digest: string): number | undefined {
  return tokens.find(({ server }) => createHash("sha256").update(server).digest("hex") === digest)?.generation;
}

/**
 * Where a server's token can't be brought to the configured generation: K3s encrypts what it boots from with it, and starts with no
 * other. Undefined where it can, or the server has none.
 */
export function tokenProblem(tokens: SiteKeys["tokens"], { tokenDigest }: K3sReport): string | undefined {
  if (tokenDigest === null || tokenGenerationOf(tokens, tokenDigest) !== undefined) return undefined;
  const [newest, oldest] = [tokens[0]?.generation ?? 0, tokens.at(-1)?.generation ?? 0];
  const known = newest === oldest ? `generation ${newest}` : `generations ${oldest} to ${newest}`;
  return `its cluster's token is none of ${known}: where k3s.tokenGeneration was lowered, raise it again; where the token was changed by hand, change it back (k3s token rotate)`;
}
