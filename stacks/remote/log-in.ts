import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Endpoint } from "./endpoint.ts";
import { NodeUnavailable, explainFailure, type Hop } from "./node-unavailable.ts";
import { execute, runtimeDirectory } from "./ssh-client.ts";
import { renderKnownHosts, renderSshConfiguration, type Identity, type LoginFiles } from "./ssh-configuration.ts";

/**
 * Logs in to a node, and leaves a client behind that serves others at a control socket.
 * @param socket the control socket's name in the runtime directory
 * @param deadline Unix time in milliseconds
 * @throws NodeUnavailable that says which hop failed
 */
export async function logIn(endpoint: Endpoint, socket: string, deadline: number | undefined): Promise<void> {
  await tryIdentities(endpoint, (identities) =>
    withFiles(endpoint, socket, identities, async (directory, explain) => {
      // -f: back only once logged in. Nothing of ours is inherited by the process that stays: whoever waits for the end
      // of our output (Pulumi's command provider does) would wait for its end too.
      const argv = ["-F", `${directory}/config`, "-S", socket, "-E", `${directory}/log`, "-f", "-N", "-T", "node"];
      const result = await execute(argv, { deadline: loginDeadline(endpoint, deadline), detached: true });
      if (result === "late") throw new NodeUnavailable(endpoint, "unreachable", { detail: "no answer in time" });
      if (result.code !== 0) throw explain();
    }),
  );
}

/**
 * The public host key that a machine shows, without its comment. Nothing is proven by it: a person has to confirm it. The
 * bastion on the way is pinned as ever.
 * @throws NodeUnavailable when no key could be read
 */
export async function readHostKey(endpoint: Endpoint): Promise<string> {
  let key = "";
  await tryIdentities(endpoint, (identities) =>
    withFiles(endpoint, "scan", { ...identities, readsHostKey: true }, async (directory, explain) => {
      const argv = ["-F", `${directory}/config`, "-S", "none", "-E", `${directory}/log`, "-T", "node", "true"];
      const result = await execute(argv, { deadline: loginDeadline(endpoint, undefined), detached: true });
      key = /^node (\S+ \S+)/m.exec(readIfThere(join(runtimeDirectory(), directory, "seen_hosts")))?.[1] ?? "";
      if (key !== "") return;
      if (result === "late") throw new NodeUnavailable(endpoint, "unreachable", { detail: "no answer in time" });
      throw explain();
    }),
  );
  return key;
}

/**
 * Makes sure that a node lets the endpoint's own keys in, whatever the agent's may do; on the way to it, those count too.
 * @throws NodeUnavailable
 */
export async function verifyKeys(endpoint: Endpoint): Promise<void> {
  const attempt = (identities: Record<Hop, Identity>) =>
    withFiles(endpoint, "verify", { ...identities, node: "keys" }, async (directory, explain) => {
      const argv = ["-F", `${directory}/config`, "-S", "none", "-E", `${directory}/log`, "-T", "node", "true"];
      const result = await execute(argv, { deadline: loginDeadline(endpoint, undefined), detached: true });
      if (result === "late") throw new NodeUnavailable(endpoint, "unreachable", { detail: "no answer in time" });
      if (result.code !== 0) throw explain();
    });
  await tryIdentities(endpoint, attempt);
}

/** Tries one identity after the other at the hop that refuses, until all hops are passed or one has refused them all. */
async function tryIdentities(
  endpoint: Endpoint,
  attempt: (identities: Record<Hop, Identity>) => Promise<void>,
): Promise<void> {
  const { agent, privateKeys } = endpoint;
  const keys: Identity[] = privateKeys.length === 0 ? [] : ["keys"];
  const agents: Identity[] = agent ? ["agent"] : [];
  // A node has the derived key; a bastion is the site's own affair, and rather knows the person.
  const left: Record<Hop, Identity[]> = { node: [...keys, ...agents], bastion: [...agents, ...keys] };
  for (;;) {
    try {
      await attempt({ node: left.node[0] ?? "keys", bastion: left.bastion[0] ?? "keys" });
      return;
    } catch (error) {
      if (!(error instanceof NodeUnavailable) || error.reason !== "refused") throw error;
      left[error.hop].shift();
      if (left[error.hop].length === 0) throw error;
    }
  }
}

/** The keys lie on the disk only until the login is done. */
async function withFiles(
  endpoint: Endpoint,
  name: string,
  login: Omit<LoginFiles, "directory">,
  use: (directory: string, explain: () => NodeUnavailable) => Promise<void>,
): Promise<void> {
  const path = mkdtempSync(join(runtimeDirectory(), `${name}-`));
  try {
    const directory = basename(path);
    const write = (file: string, text: string) => {
      writeFileSync(join(path, file), text, { mode: 0o600 });
    };
    write("config", renderSshConfiguration(endpoint, { directory, ...login }));
    write("known_hosts", renderKnownHosts(endpoint));
    for (const [index, key] of endpoint.privateKeys.entries()) write(`key-${index}`, `${key.trimEnd()}\n`);
    await use(directory, () =>
      explainFailure(endpoint, {
        node: readIfThere(join(path, "log")),
        bastion: readIfThere(join(path, "bastion.log")),
      }),
    );
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** The client's own limit covers a call up to the exchange of keys: a link may also die during the login after that. */
function loginDeadline({ bastion, connectSeconds, silenceSeconds }: Endpoint, deadline: number | undefined): number {
  const calls = bastion === undefined ? 1 : 2;
  return Math.min(deadline ?? Infinity, Date.now() + 1000 * (calls * connectSeconds + silenceSeconds));
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return "";
  }
}
