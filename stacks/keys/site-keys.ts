import { createHash } from "node:crypto";
import { nodeOf, type Site } from "../config/site.ts";
import {
  createAuthority,
  createClient,
  createKey,
  validFrom,
  type Authority,
  type CertifiedKey,
} from "./certificate.ts";
import { derive, type Purpose } from "./derive.ts";
import { renderKubeconfig } from "./kubeconfig.ts";
import { parseRootSecret } from "./root-secret.ts";
import { mostAdminKeys } from "../remote/endpoint.ts";
import { sshKeyFromSeed, type SshKey } from "./ssh-key.ts";

/** The files that K3s reads custom certificate authorities from, under server/tls and without `.crt` and `.key`. */
export type AuthorityStem = "server-ca" | "client-ca" | "request-header-ca" | "etcd/server-ca" | "etcd/peer-ca";

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
  /** The short form, which a founding server takes. */
  readonly serverToken: string;
  /** What agents join with; it opens nothing else. The short form, which servers take. */
  readonly agentToken: string;
  /** The form for servers that join: it pins the cluster's certificate authority. */
  readonly joinToken: string;
  /** The form for agents. */
  readonly agentJoinToken: string;
  /** The present and former server tokens, newest first, at most ten. */
  readonly tokens: readonly { readonly generation: number; readonly server: string }[];
  /** What signs service accounts' tokens: a private key (SEC 1, PEM). */
  readonly serviceKey: string;
  /** K3s's custom certificate authorities, by file stem under /var/lib/rancher/k3s/server/tls: `<stem>.crt` and `<stem>.key`. */
  readonly authorities: Readonly<Record<AuthorityStem, CertifiedKey>>;
  /**
   * An administrator's kubeconfig for the API server at this host name or address, port 6443. Its certificate lasts a year from
   * the beginning of the quarter that `now` lies in: each quarter's first update renews it.
   */
  kubeconfig(serverAddress: string, now: Date): string;
  /** What a client of the site's models shows; 64 hexadecimal digits. */
  apiKey(client: string): string;
  /** An experiment's own, which opens its namespace alone. */
  experimentKubeconfig(experiment: string, serverAddress: string, now: Date): string;
}

/**
 * Derives a site's keys from its root secret: the same configuration gives the same keys, byte for byte. Nothing is computed
 * before it is asked for, since certificates take tens of milliseconds.
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
  const client = (name: string, who: Parameters<typeof createClient>[0], now: Date) => {
    const quarter = quarterOf(now);
    return createClient(
      who,
      {
        secret: secret("client-key", name, quarter.number, 48),
        serial: secret("client-serial", name, quarter.number, 16),
      },
      authorities()["client-ca"],
      quarter.validity,
    );
  };
  const kubeconfig = (user: ReturnType<typeof client>, address: string, namespace?: string) =>
    renderKubeconfig({
      name: namespace === undefined ? site.name : `${site.name}-${namespace}`,
      server: `https://${address.includes(":") ? `[${address}]` : address}:6443`,
      authority: authorities()["server-ca"].certificate,
      client: user,
      ...(namespace === undefined ? {} : { namespace }),
    });
  const { tokenGeneration } = site.k3s;
  const tokenOf = (who: "server" | "agent", generation: number) => secret("token", who, generation, 16).toString("hex");
  const serverToken = tokenOf("server", tokenGeneration);
  const agentToken = tokenOf("agent", tokenGeneration);

  return {
    serverToken,
    agentToken,
    get tokens() {
      return Array.from({ length: Math.min(tokenGeneration, 10) }, (_, index) => ({
        generation: tokenGeneration - index,
        server: tokenOf("server", tokenGeneration - index),
      }));
    },
    get serviceKey() {
      return createKey(secret("service-key", "k3s", 1, 48));
    },
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
    apiKey(client) {
      return secret("api-key", client, 1, 32).toString("hex");
    },
    get joinToken() {
      return formatJoinToken(authorities()["server-ca"].certificate, "server", serverToken);
    },
    get agentJoinToken() {
      return formatJoinToken(authorities()["server-ca"].certificate, "node", agentToken);
    },
    get authorities() {
      return authorities();
    },
    kubeconfig(serverAddress, now) {
      const who = { commonName: "system:admin", organization: "system:masters" };
      return kubeconfig(client("admin", who, now), serverAddress);
    },
    experimentKubeconfig(experiment, serverAddress, now) {
      const who = { commonName: `bramble:experiment:${experiment}` };
      return kubeconfig(client(`experiment-${experiment}`, who, now), serverAddress, experiment);
    },
  };
}

/** The quarter of a year, in UTC, that a moment lies in: its number, and how long certificates of that quarter are valid. */
function quarterOf(now: Date): { number: number; validity: { from: Date; to: Date } } {
  const [year, index] = [now.getUTCFullYear(), Math.floor(now.getUTCMonth() / 3)];
  // A day before, for boards whose clock is behind; as long after the year's end.
  const at = (addedYears: number, addedDays: number) => new Date(Date.UTC(year + addedYears, index * 3, 1 + addedDays));
  return { number: year * 4 + index, validity: { from: at(0, -1), to: at(1, 1) } };
}

/**
 * The K10 form of a token. For a file with one self-signed certificate, K3s hashes the file's bytes as they lie on the disk
 * (hashCA in k3s-io/k3s, pkg/clientaccess/token.go), so the file must be written exactly as derived.
 */
function formatJoinToken(authorityFile: string, user: "server" | "node", password: string): string {
  return `K10${createHash("sha256").update(authorityFile).digest("hex")}::${user}:${password}`;
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}
