import type { Site } from "../config/site.ts";
import type { SiteKeys } from "../keys/site-keys.ts";
import { accountOf } from "../remote/site-endpoint.ts";
import { textFile, type Phase, type Step } from "../remote/phase.ts";

/**
 * Who may log in to a node: the present admin key and the people that the configuration names, and nobody else.
 *
 * A rotation (`adminKeyGeneration` + 1) locks nobody out, wherever it stops. Bramble offers the new key and its former
 * generations, so it gets in before and after this phase; the file changes from one to the other in one rename. This phase
 * comes after all others of all nodes: whatever the state keeps for a later removal holds an endpoint with the new key
 * before the first node forgets the old one, and a node that is switched off keeps all of them waiting. A node that was off
 * in spite of that (an update of chosen targets) still knows a key that is offered, up to four rotations later. Going back a
 * generation is refused by every node that is ahead, and changes nothing.
 *
 * What a removal puts back may be older than the last rotation: without the step after it, the rest of a removal would be
 * locked out after five rotations, and keys that were rotated away would be let in again.
 */
export function accessPhase(site: Site, node: string, keys: SiteKeys): Phase {
  const user = accountOf(site, node);
  const owner = `${user}:${user}`;
  const directory = `${homeOf(user)}/.ssh`;
  const file = `${directory}/authorized_keys`;
  return {
    node,
    name: "access",
    directories: [{ path: directory, mode: "0700", owner }],
    files: [textFile(file, renderAuthorizedKeys(site, keys), { mode: "0600", owner })],
    steps: [],
    removal: [],
    afterRemoval: [keepAdmin({ file, user, admin: keys.admin.publicKey, site: site.name })],
  };
}

/** One key a line, the admin's first, as cloud-init writes it too. */
export function renderAuthorizedKeys(site: Site, keys: SiteKeys): string {
  return [keys.admin.publicKey, ...site.authorizedKeys].map((key) => `${key}\n`).join("");
}

/** Where an account's home is, on Debian and its kin. */
export function homeOf(user: string): string {
  return user === "root" ? "/root" : `/home/${user}`;
}

/** $1: authorized_keys, $2: its owner, $3: the present admin key, $4: the comment of all its generations. */
const keepAdminScript = `set -eu
new=$1.bramble-new
trap 'rm -f "$new"' EXIT
install -d -m 0700 -o "$2" -g "$2" "\${1%/*}"
install -m 0600 -o "$2" -g "$2" /dev/null "$new"
{ cat "$1" 2>/dev/null || true; } | awk -v admin="$3" -v comment="$4" '
  $0 == admin { found = 1; print; next }
  NF == 3 && $1 == "ssh-ed25519" && $3 == comment { next }
  { print }
  END { if (!found) print admin }' > "$new"
sync "$new"
mv "$new" "$1"
`;
const hasAdminScript = `awk -v admin="$3" -v comment="$4" '
  $0 == admin { found = 1; next }
  NF == 3 && $1 == "ssh-ed25519" && $3 == comment { former = 1 }
  END { exit !found || former }' "$1"
`;

function keepAdmin(access: { file: string; user: string; admin: string; site: string }): Step {
  const parameters = ["sh", access.file, access.user, access.admin, `admin@${access.site}`];
  return {
    title: "left the present admin key in authorized_keys",
    check: ["sh", "-c", hasAdminScript, ...parameters],
    run: ["sh", "-c", keepAdminScript, ...parameters],
    limit: 60,
  };
}
