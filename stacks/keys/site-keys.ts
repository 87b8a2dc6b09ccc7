import { createHash } from "node:crypto";
import { nodeOf, type Site } from "../config/site.ts";
import { createAuthority, createClient, validFrom, type Authority, type CertifiedKey } from "./certificate.ts";
import { derive, type Purpose } from "./derive.ts";
import { renderKubeconfig } from "./kubeconfig.ts";
import { parseRootSecret } from "./root-secret.ts";
import { sshKeyFromSeed, type SshKey } from "./ssh-key.ts";

/** The files that K3s reads custom certificate authorities from, under server/tls and without `.crt` and `.key`. */
export type AuthorityStem = "server-ca" | "client-ca" | "request-header-ca" | "etcd/server-ca" | "etcd/peer-ca";

/** sshd hangs up after six tries (MaxAuthTries in sshd_config(5)). */
export const mostAdminKeys = 5;

/** K3s ends the names of its authorities with the second of their making; ours were made, as it were, on their first day. */
const timeOfMaking = validFrom.getTime() / 1000;

/** Every secret of a site but those its users supply. All of it is secret, public keys and certificates excepted. */
export interface SiteKeys {
  /** The key that Bramble logs in to nodes with. */
  readonly admin: SshKey;
  /**
   * It and its former generations, newest first, as many as sshd lets one try: a node that a rotation has not reached yet
   * knows an older one.
   */
  readonly adminKeys: readonly SshKey[];
  /** A node's SSH host key, of the node's present generation. */
  hostKey(node: string): SshKey;
  /** What a node proves its name with to K3s. It outlives generations: a node flashed again rejoins by itself. */
  nodePassword(node: string): string;
  /** The short form, which the first server's config takes. */
  readonly serverToken: string;
  /** The form for those who join: it pins the cluster's certificate authority. */
  readonly joinToken: string;
  /** K3s's custom certificate authorities, by file stem under /var/lib/rancher/k3s/server/tls: `<stem>.crt` and `<stem>.key`. */
  readonly authorities: Readonly<Record<AuthorityStem, CertifiedKey>>;
  /** An administrator's kubeconfig for the API server at this host name or IPv4 address, port 6443. */
  kubeconfig(serverAddress: string): string;
}

/**
 * Derives a site's keys from its root secret: the same configuration gives the same keys, byte for byte. Nothing is computed
 * before it is asked for, since certificates take tens of milliseconds.
 *
 * The administrator's certificate lasts as long as the authorities: no clock may decide what a derivation gives. Renewing both
 * is a matter of K3s's own life (`k3s certificate rotate-ca`), not of this function.
 *
 * @throws UserError for a root secret of the wrong form
 */
export function deriveSiteKeys(rootSecret: string, site: Site): SiteKeys {
  const root = parseRootSecret(rootSecret);
  const secret = (purpose: Purpose, name: string, generation: number, length: number) =>
    derive(root, { site: site.name, purpose, name, generation }, length);
  const sshKey = (purpose: Purpose, name: string, generation: number) =>
    sshKeyFromSeed(secret(purpose, name, generation, 32), `${name}@${site.name}`);
  const adminKey = (generation: number) => sshKey("admin-key", "admin", generation);
  const authority = (name: string): Authority =>
    createAuthority(`${name}@${timeOfMaking}`, {
      secret: secret("authority-key", name, 1, 48),
      serial: secret("authority-serial", name, 1, 16),
    });

  const authorities = once(() => ({
    "server-ca": authority("k3s-server-ca"),
    "client-ca": authority("k3s-client-ca"),
    "request-header-ca": authority("k3s-request-header-ca"),
    "etcd/server-ca": authority("etcd-server-ca"),
    "etcd/peer-ca": authority("etcd-peer-ca"),
  }));
  const administrator = once(() =>
    createClient(
      { commonName: "system:admin", organization: "system:masters" },
      { secret: secret("client-key", "admin", 1, 48), serial: secret("client-serial", "admin", 1, 16) },
      authorities()["client-ca"],
    ),
  );
  const serverToken = secret("token", "server", site.k3s.tokenGeneration, 16).toString("hex");

  return {
    serverToken,
    get admin() {
      return adminKey(site.adminKeyGeneration);
    },
    get adminKeys() {
      const count = Math.min(site.adminKeyGeneration, mostAdminKeys);
      return Array.from({ length: count }, (_, index) => adminKey(site.adminKeyGeneration - index));
    },
    hostKey(node) {
      return sshKey("host-key", node, nodeOf(site, node).generation);
    },
    nodePassword(node) {
      return secret("node-password", node, 1, 16).toString("hex");
    },
    get joinToken() {
      return formatJoinToken(authorities()["server-ca"].certificate, serverToken);
    },
    get authorities() {
      return authorities();
    },
    kubeconfig(serverAddress) {
      return renderKubeconfig({
        name: site.name,
        server: `https://${serverAddress}:6443`,
        authority: authorities()["server-ca"].certificate,
        client: administrator(),
      });
    },
  };
}

/**
 * The K10 form of a token. For a file with one self-signed certificate, K3s hashes the file's bytes as they lie on the disk
 * (hashCA in k3s-io/k3s, pkg/clientaccess/token.go), so the file must be written exactly as derived.
 */
function formatJoinToken(authorityFile: string, password: string): string {
  return `K10${createHash("sha256").update(authorityFile).digest("hex")}::server:${password}`;
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}
