import type { Endpoint } from "./endpoint.ts";

/** What one hop is logged in to with: the endpoint's own keys, or those of the person's SSH agent. */
export type Identity = "keys" | "agent";

/** Files of one login, all in one private directory; the client is started in the directory's parent. */
export interface LoginFiles {
  /** The directory's name: letters, digits and dashes. */
  readonly directory: string;
  readonly node: Identity;
  readonly bastion: Identity;
  /** Takes whatever key the node shows and notes it down instead of logging in. */
  readonly readsHostKey?: boolean;
}

/** Seconds that the connection outlives its last use: long enough to join a run's phases, short enough to leave nothing behind. */
const idleSeconds = 15;

/**
 * The OpenSSH client's whole configuration for one login, in which `node` and `bastion` are the hosts. Each hop is pinned to
 * its one key under its own name (HostKeyAlias), so neither its address's form nor its port matters. Values need no quoting:
 * the endpoint's schema lets no white space, quote, `%`, `$` or leading dash through, and paths are relative.
 */
export function renderSshConfiguration(endpoint: Endpoint, files: LoginFiles): string {
  const { directory } = files;
  const { address, port, user, hostKey, bastion, connectSeconds, silenceSeconds } = endpoint;
  const identity = (kind: Identity) =>
    kind === "agent"
      ? // Not both at once: the client would try the agent's keys first, and sshd hangs up after six.
        [`IdentityAgent SSH_AUTH_SOCK`, `IdentityFile none`]
      : [
          "IdentityAgent none",
          "IdentitiesOnly yes",
          ...(endpoint.privateKeys.length === 0 ? ["IdentityFile none"] : []),
          ...endpoint.privateKeys.map((_, index) => `IdentityFile ${directory}/key-${index}`),
        ];
  const aliveSeconds = Math.max(1, Math.ceil(silenceSeconds / 3));
  const sections: [string, string[]][] = [
    [
      "node",
      [
        `HostName ${address}`,
        `Port ${port}`,
        `User ${user}`,
        ...identity(files.node),
        ...(files.readsHostKey === true
          ? [
              `HostKeyAlgorithms ${["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"].map(hostKeyAlgorithms).join(",")}`,
              "StrictHostKeyChecking accept-new",
              `UserKnownHostsFile ${directory}/seen_hosts`,
              "PreferredAuthentications none",
            ]
          : [`HostKeyAlgorithms ${hostKeyAlgorithms(hostKey)}`]),
        // Through a bastion its own login counts too.
        `ConnectTimeout ${bastion === undefined ? connectSeconds : 2 * connectSeconds}`,
        ...(bastion === undefined
          ? []
          : [`ProxyCommand ssh -F ${directory}/config -E ${directory}/bastion.log -T -W '[%h]:%p' bastion`]),
        "ControlMaster yes",
        `ControlPersist ${idleSeconds}`,
      ],
    ],
    ...(bastion === undefined
      ? []
      : [
          [
            "bastion",
            [
              `HostName ${bastion.host}`,
              `Port ${bastion.port}`,
              `User ${bastion.user}`,
              ...identity(files.bastion),
              `HostKeyAlgorithms ${hostKeyAlgorithms(bastion.hostKey)}`,
              `ConnectTimeout ${connectSeconds}`,
              // Why a bastion could not reach the node is information to the client, not an error.
              "LogLevel INFO",
            ],
          ] satisfies [string, string[]],
        ]),
    [
      "*",
      [
        "BatchMode yes",
        "LogLevel ERROR",
        "PreferredAuthentications publickey",
        "StrictHostKeyChecking yes",
        `UserKnownHostsFile ${directory}/known_hosts`,
        "GlobalKnownHostsFile /dev/null",
        "UpdateHostKeys no",
        // The client gives up at the third question without an answer.
        `ServerAliveInterval ${aliveSeconds}`,
        "ServerAliveCountMax 2",
      ],
    ],
  ];
  return sections
    .map(([name, lines]) =>
      [`Host ${name}`, ...(name === "*" ? [] : [`HostKeyAlias ${name}`]), ...lines].join("\n  ").concat("\n"),
    )
    .join("");
}

/** The known_hosts file that belongs to it. */
export function renderKnownHosts({ hostKey, bastion }: Endpoint): string {
  return `node ${hostKey}\n${bastion === undefined ? "" : `bastion ${bastion.hostKey}\n`}`;
}

/** With which signatures a key of this type is proven; RSA's own name means SHA-1, which nobody takes any more (RFC 8332). */
function hostKeyAlgorithms(key: string): string {
  const type = key.split(" ", 1)[0] ?? "";
  return type === "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256" : type;
}
