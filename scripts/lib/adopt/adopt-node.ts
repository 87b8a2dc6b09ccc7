import type { SiteKeys } from "../../../stacks/keys/site-keys.ts";
import { nodeOf, type Site } from "../../../stacks/config/site.ts";
import { homeOf, renderAuthorizedKeys } from "../../../stacks/nodes/access-phase.ts";
import { admitKey, readAccount, type Account } from "../../../stacks/nodes/adoption.ts";
import { authorityDigest } from "../../../stacks/nodes/cluster-authority.ts";
import { nodeProblems } from "../../../stacks/nodes/expectations.ts";
import type { NodeReport } from "../../../stacks/nodes/facts.ts";
import { observe } from "../../../stacks/nodes/observe.ts";
import { closeConnection, run } from "../../../stacks/remote/connection.ts";
import { mostAdminKeys, type Endpoint } from "../../../stacks/remote/endpoint.ts";
import { endpointOf, withoutComment } from "../../../stacks/remote/site-endpoint.ts";
import { readHostKey, verifyKeys } from "../../../stacks/remote/log-in.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { ask, type Terminal } from "../ask.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { writeAdoptedNode } from "./stack-file.ts";

export interface Adoption {
  readonly site: Site;
  readonly keys: SiteKeys;
  readonly node: string;
  /** Path of the stack's file, which the node's host key is written to. */
  readonly file: string;
  /** As the command line says; otherwise as the configuration does. */
  readonly user: string | undefined;
  readonly port: number | undefined;
  /** The person's own private key in OpenSSH's PEM; without it, the keys of the SSH agent. */
  readonly identity: string | undefined;
  /** The node's public host key, where the person knows it. */
  readonly hostKey: string | undefined;
  /** Takes the host key that the node shows without a question. */
  readonly yes: boolean;
}

/**
 * Takes over a node that runs already: makes sure which machine it is, that it is fit to be a node of the site, and that
 * the derived admin key can log in; then notes its host key in the stack's file. Before the host key is confirmed nothing is
 * logged in to; before all is found to be well nothing is written anywhere. It can be run again at any time.
 * @throws UserError, NodeUnavailable
 */
export async function adoptNode(adoption: Adoption, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { keys, node, file } = adoption;
  const say = (line: string) => terminal.output.write(`${line}\n`);
  const site = withChoices(adoption);
  const person = personalEndpoint(site, adoption);

  const shown = await readHostKey(person);
  signal.throwIfAborted();
  await confirmHostKey(shown, adoption, person, terminal, signal);
  const pinned: Endpoint = { ...person, hostKey: shown };
  try {
    const report = await inspect(site, pinned, keys);
    say(describe(node, report));
    const account = await readAccount(pinned);
    checkHome(pinned, account);
    for (const line of strangers(site, keys, account)) say(line);
    signal.throwIfAborted();

    const { added } = await admitKey(pinned, keys.admin.publicKey);
    say(
      added ? `${node}: the admin key may log in as ${pinned.user} now` : `${node}: the admin key could log in before`,
    );
  } finally {
    await closeConnection(pinned);
  }
  await verifyKeys({ ...endpointOf(site, node, keys), hostKey: shown, privateKeys: [keys.admin.privateKey] });
  const { user, port } = nodeOf(site, node);
  const written = writeAdoptedNode(file, node, { hostKey: shown, user, port });
  say(`${file}: ${written ? `nodes.${node} has its host key now` : "says so already"}; go on with \`pulumi up\``);
}

/** The site with what the command line says of the node; values that are the site's own are left to the site. */
function withChoices({ site, node, user, port }: Adoption): Site {
  const { user: ownUser, port: ownPort, ...rest } = nodeOf(site, node);
  const account = user ?? ownUser ?? site.user;
  const at = port ?? ownPort ?? site.access.port;
  const adopted = {
    ...rest,
    ...(account === site.user ? {} : { user: account }),
    ...(at === site.access.port ? {} : { port: at }),
  };
  return { ...site, nodes: { ...site.nodes, [node]: adopted } };
}

/** How the person logs in: with the key named, or the agent's; with the admin key too, where it is let in already. */
function personalEndpoint(site: Site, { keys, node, identity }: Adoption): Endpoint {
  const endpoint = endpointOf(site, node, keys);
  const own = identity === undefined ? [] : [identity];
  return {
    ...endpoint,
    privateKeys: [...own, ...endpoint.privateKeys].slice(0, mostAdminKeys),
    agent: identity === undefined || endpoint.agent,
  };
}

async function confirmHostKey(
  shown: string,
  { hostKey, yes, node }: Adoption,
  { address, port }: Endpoint,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const at = `${address}:${port}`;
  const next = `on ${node} itself, \`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\` shows the right one`;
  if (hostKey !== undefined) {
    if (withoutComment(hostKey) === shown) return;
    throw new UserError({
      what: `${at} shows the host key ${fingerprintOf(shown)} (${typeOf(shown)}), not ${fingerprintOf(hostKey)} (${typeOf(hostKey)}); nothing was changed`,
      where: node,
      next,
    });
  }
  terminal.output.write(`${at} shows the host key ${fingerprintOf(shown)} (${typeOf(shown)})\n  ${next}\n`);
  if (yes) return;
  const answer = await ask(terminal, `Type the node's name if this is ${node}'s: `, signal);
  if (answer !== node)
    throw new UserError({
      what: "not confirmed; nothing was changed",
      where: node,
      next: `compare the fingerprints, then run it again and type ${node}, or give the key with --host-key`,
    });
}

const typeOf = (key: string) => key.split(" ", 1)[0] ?? "";

async function inspect(site: Site, endpoint: Endpoint, keys: SiteKeys): Promise<NodeReport> {
  const { node, user } = endpoint;
  const need = async (argv: readonly string[], what: string, next: string) => {
    const { code, stderr } = await run(endpoint, argv);
    if (code !== 0)
      throw new UserError({ what: `${what} (${stderr.trim().split("\n").at(-1) ?? ""})`, where: node, next });
  };
  try {
    await need(
      ["sudo", "-n", "true"],
      `${user} has no sudo without a password`,
      `on ${node}, as root: echo '${user} ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/${user}`,
    );
    await need(["python3", "--version"], "there is no Python 3", `on ${node}: sudo apt-get install python3`);
    const report = await observe(endpoint, 60);
    if (report instanceof NodeUnavailable) throw report;
    const problems = nodeProblems(site, node, report, authorityDigest(keys.authorities["server-ca"].certificate));
    if (problems.length > 0)
      throw new UserError({
        what: `is not what the configuration says; nothing was changed:\n${problems.map((line) => `    ${line}`).join("\n")}`,
        where: node,
        next: "mend what is named, or correct `expect` in the configuration, then run it again",
      });
    return report;
  } catch (error) {
    if (error instanceof NodeUnavailable && error.reason === "refused" && error.hop === "node")
      throw new UserError(
        {
          what: `${user}@${endpoint.address}:${endpoint.port} takes none of your keys; nothing was changed`,
          where: node,
          next: "name the account with --user and a key with --identity; one with a passphrase goes into your agent (ssh-add)",
        },
        { cause: error },
      );
    throw error;
  }
}

function describe(node: string, { facts }: NodeReport): string {
  const { model, serial, memoryMegabytes, architecture, kernel, clusterAuthority } = facts;
  const parts = [
    model ?? "unknown model",
    ...(serial === null ? [] : [`serial ${serial}`]),
    ...(memoryMegabytes === null ? [] : [`${memoryMegabytes} MB`]),
    `${architecture ?? "unknown architecture"}, kernel ${kernel ?? "unknown"}`,
    clusterAuthority === null ? "no K3s" : "K3s of this site",
  ];
  return `${node}: ${parts.join("; ")}`;
}

function checkHome({ node, user }: Endpoint, { home }: Account): void {
  if (home === homeOf(user)) return;
  throw new UserError({
    what: `${user}'s home is ${home}, and Bramble keeps keys below ${homeOf(user)}; nothing was changed`,
    where: node,
    next: "give another account with --user",
  });
}

/** What the first `pulumi up` will take away: said while it can still be put into the configuration. */
function strangers(site: Site, keys: SiteKeys, { keys: there }: Account): string[] {
  const kept = renderAuthorizedKeys(site, keys).split("\n").map(withoutComment);
  const others = there.filter((line) => !kept.some((key) => key !== "" && line.includes(key)));
  if (others.length === 0) return [];
  const lines = others.map((line) => `    ${line}`);
  return [
    "Keys that may log in now and not after `pulumi up`, unless the configuration's authorizedKeys has them:",
    ...lines,
  ];
}
