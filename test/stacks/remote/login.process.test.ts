import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Readable } from "node:stream";
import test, { type ExecutionContext } from "ava";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { closeConnection, run } from "../../../stacks/remote/connection.ts";
import type { Endpoint } from "../../../stacks/remote/endpoint.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { readHostKey } from "../../../stacks/remote/log-in.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { lossyLink } from "../../lossy-link.ts";
import { generateSshKey } from "../../ssh-key-pair.ts";
import { exampleNode, exampleRootSecret, exampleSite } from "../keys/example.ts";
import { freePort, startSshServer, testWithSshServers, type SshServer } from "../../ssh-server.ts";

// Real OpenSSH servers on loopback ports: what the client really does with the configuration that Bramble gives it.

const newest = generateSshKey("newest");
const older = generateSshKey("older");
const stranger = generateSshKey("stranger");

let runtime = "";
test.beforeEach(() => {
  runtime = mkdtempSync(join(tmpdir(), "bramble runtime %h \"'-"));
  process.env.XDG_RUNTIME_DIR = runtime;
  delete process.env.SSH_AUTH_SOCK;
});
test.afterEach.always(() => {
  rmSync(runtime, { recursive: true });
});

function startNode(t: ExecutionContext, authorizedKeys = [newest.publicKey]) {
  return startSshServer(t, { user: "bramble", authorizedKeys });
}

function startBastion(t: ExecutionContext, authorizedKeys: string[], configuration: string[] = []) {
  return startSshServer(t, { user: "hop", authorizedKeys, configuration });
}

/** An endpoint whose connection is closed when the test ends. */
function to(t: ExecutionContext, server: SshServer, changes: Partial<Endpoint> = {}): Endpoint {
  const endpoint: Endpoint = {
    node: "pi-2",
    address: server.address,
    port: server.port,
    user: "bramble",
    hostKey: server.hostKey,
    privateKeys: [newest.privateKey, older.privateKey],
    agent: false,
    connectSeconds: 4,
    silenceSeconds: 5,
    ...changes,
  };
  t.teardown(() => closeConnection(endpoint));
  return endpoint;
}

const through = ({ address, port, hostKey }: SshServer): NonNullable<Endpoint["bastion"]> => ({
  host: address,
  port,
  user: "hop",
  hostKey,
});

/** What stays in the runtime directory when nothing is being logged in to: sockets alone. */
function leftFiles(): string[] {
  return readdirSync(runtime)
    .flatMap((directory) => readdirSync(join(runtime, directory)))
    .filter((name) => !/^[0-9a-f]{12}$/.test(name));
}

async function failure(t: ExecutionContext, endpoint: Endpoint): Promise<NodeUnavailable> {
  const error = await t.throwsAsync(run(endpoint, ["true"]), { instanceOf: NodeUnavailable });
  t.deepEqual(leftFiles(), []);
  return error;
}

/** An SSH agent with one key, for the test's own time. */
async function startAgent(t: ExecutionContext, privateKey: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "bramble-agent-"));
  const socket = join(directory, "socket");
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  const ended = new Promise((resolve) => agent.on("close", resolve));
  t.teardown(async () => {
    agent.kill();
    await ended;
    rmSync(directory, { recursive: true });
  });
  const key = join(directory, "key");
  writeFileSync(key, privateKey, { mode: 0o600 });
  for (;;) {
    const add = spawn("ssh-add", ["-q", key], { stdio: "ignore", env: { ...process.env, SSH_AUTH_SOCK: socket } });
    if ((await new Promise((resolve) => add.on("close", resolve))) === 0) break;
    await sleep(50);
  }
  process.env.SSH_AUTH_SOCK = socket;
}

testWithSshServers(
  "commands run on a port other than 22, over one connection, and no key stays on the disk",
  async (t) => {
    const node = await startNode(t);
    const endpoint = to(t, node);
    const answers = await Promise.all(
      [1, 2, 3].map((number) => run(endpoint, ["sh", "-c", `cat; echo ${number}; exit 7`], { stdin: "in " })),
    );
    t.deepEqual(
      answers.map(({ stdout, code }) => [stdout, code]),
      [
        ["in 1\n", 7],
        ["in 2\n", 7],
        ["in 3\n", 7],
      ],
    );
    t.is(node.log().match(/Accepted publickey/g)?.length, 1);
    t.deepEqual(leftFiles(), []);
  },
);

testWithSshServers("a connection that ends just before a command begins is opened again for it", async (t) => {
  const node = await startNode(t);
  const endpoint = to(t, node);
  // Stands for the moment between "it is open" and the command: the first command finds the connection ended.
  const tools = mkdtempSync(join(tmpdir(), "bramble-late-"));
  const path = process.env.PATH ?? "";
  t.teardown(() => {
    process.env.PATH = path;
    rmSync(tools, { recursive: true });
  });
  const ssh = execFileSync("which", ["ssh"], { encoding: "utf8" }).trim();
  const script = `#!/bin/sh
case "$*" in *"-- node"*) if [ ! -e ${tools}/once ]; then : > ${tools}/once; ${ssh} -F /dev/null -S "$4" -O exit node; fi ;; esac
exec ${ssh} "$@"
`;
  writeFileSync(join(tools, "ssh"), script, { mode: 0o755 });
  process.env.PATH = `${tools}:${path}`;
  t.is((await run(endpoint, ["cat"], { stdin: "again" })).stdout, "again");
  t.is(node.log().match(/Accepted publickey/g)?.length, 2);
});

testWithSshServers("an older generation's key is accepted, a stranger's is refused", async (t) => {
  const node = await startNode(t, [older.publicKey]);
  t.is((await run(to(t, node), ["id", "-un"])).stdout, "bramble\n");
  const error = await failure(t, to(t, node, { privateKeys: [stranger.privateKey] }));
  t.deepEqual([error.reason, error.hop], ["refused", "node"]);
  t.regex(
    error.message,
    /^pi-2: 127\.0\.0\.1:\d+ refuses the admin key of user bramble\n {2}Next: if adminKeyGeneration/,
  );
});

testWithSshServers("the oldest of five keys still gets its turn", async (t) => {
  const node = await startNode(t, [older.publicKey]);
  const strangers = [1, 2, 3, 4].map((number) => generateSshKey(`stranger-${number}`).privateKey);
  t.is((await run(to(t, node, { privateKeys: [...strangers, older.privateKey] }), ["true"])).code, 0);
});

testWithSshServers("another host key at the node's address is refused and named", async (t) => {
  const node = await startNode(t);
  const error = await failure(t, to(t, node, { hostKey: stranger.publicKey }));
  t.deepEqual([error.reason, error.hop], ["host-key", "node"]);
  t.regex(
    error.message,
    /another SSH host key than the one that pi-2 must have\n {2}Next: if pi-2 still runs the card of another generation/,
  );
});

testWithSshServers("a node flashed again under its name is known at once, and its old card is refused", async (t) => {
  const site = exampleSite();
  const at = (generation: number) => {
    const nodes = { ...site.nodes, "pi-2": exampleNode({ role: "agent", address: "192.168.7.12", generation }) };
    const keys = deriveSiteKeys(exampleRootSecret, { ...site, nodes });
    return { keys, endpoint: endpointOf({ ...site, nodes }, "pi-2", keys) };
  };
  const [old, flashed] = [at(3), at(4)];
  const start = ({ keys }: typeof old) =>
    startSshServer(t, { user: "bramble", authorizedKeys: [keys.admin.publicKey], hostKey: keys.hostKey("pi-2") });
  const oldCard = await start(old);
  const error = await failure(t, to(t, oldCard, { ...flashed.endpoint, address: oldCard.address, port: oldCard.port }));
  t.is(error.reason, "host-key");
  t.regex(error.message, /Next: if pi-2 still runs the card of another generation or site, write its card and boot it/);
  const newCard = await start(flashed);
  const reached = to(t, newCard, { ...flashed.endpoint, address: newCard.address, port: newCard.port });
  t.is((await run(reached, ["true"])).code, 0);
});

testWithSshServers("an RSA host key can be pinned", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "bramble-rsa-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const made = spawn("ssh-keygen", ["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", join(directory, "key")], {
    stdio: "ignore",
  });
  await new Promise((resolve) => made.on("close", resolve));
  const hostKey = {
    privateKey: readFileSync(join(directory, "key"), "utf8"),
    publicKey: readFileSync(join(directory, "key.pub"), "utf8").trim(),
  };
  const node = await startSshServer(t, { user: "bramble", authorizedKeys: [newest.publicKey], hostKey });
  t.is((await run(to(t, node), ["true"])).code, 0);
  t.is(await readHostKey(to(t, node, { hostKey: stranger.publicKey })), node.hostKey);
});

testWithSshServers("a node behind a bastion answers, with both host keys pinned", async (t) => {
  const node = await startNode(t);
  const bastion = await startBastion(t, [newest.publicKey]);
  const endpoint = to(t, node, { bastion: through(bastion) });
  t.is((await run(endpoint, ["id", "-un"])).stdout, "bramble\n");
  t.is((await run(endpoint, ["cat"], { stdin: "over two hops" })).stdout, "over two hops");
  t.is(bastion.log().match(/Accepted publickey/g)?.length, 1);
  t.deepEqual(leftFiles(), []);
});

testWithSshServers("a bastion may have an IPv6 address", async (t) => {
  const node = await startNode(t);
  if (!Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"))) {
    t.pass("this machine has no IPv6");
    return;
  }
  const bastion = await startBastion(t, [newest.publicKey], ["ListenAddress ::1"]);
  const endpoint = to(t, node, { bastion: { ...through(bastion), host: "::1" } });
  t.is((await run(endpoint, ["id", "-un"])).stdout, "bramble\n");
});

testWithSshServers("which hop failed is said: host keys", async (t) => {
  const node = await startNode(t);
  const bastion = await startBastion(t, [newest.publicKey]);
  const wrongBastion = await failure(t, to(t, node, { bastion: { ...through(bastion), hostKey: node.hostKey } }));
  t.deepEqual([wrongBastion.reason, wrongBastion.hop], ["host-key", "bastion"]);
  t.regex(
    wrongBastion.message,
    /^pi-2: bastion 127\.0\.0\.1:\d+ answers with another SSH host key than access\.bastion\.hostKey/,
  );
  t.false(bastion.log().includes("Accepted"), "nobody logs in to a machine that is not the bastion");

  const wrongNode = await failure(t, to(t, node, { bastion: through(bastion), hostKey: bastion.hostKey }));
  t.deepEqual([wrongNode.reason, wrongNode.hop], ["host-key", "node"]);
  t.regex(wrongNode.message, /through bastion 127\.0\.0\.1 answers with another SSH host key than the one that pi-2/);
  t.false(node.log().includes("Accepted"));
});

testWithSshServers("which hop failed is said: refusals and silence", async (t) => {
  const node = await startNode(t);
  const closed = await freePort();
  const open = await startBastion(t, [newest.publicKey]);
  const strict = await startBastion(t, [stranger.publicKey]);
  const dumb = await startBastion(t, [newest.publicKey], ["AllowTcpForwarding no"]);
  const cases: [Endpoint, string, RegExp][] = [
    [
      to(t, node, { bastion: through(strict) }),
      "refused bastion",
      /bastion 127\.0\.0\.1:\d+ does not let hop through\n/,
    ],
    [to(t, node, { bastion: through(dumb) }), "refused bastion", /\(it forbids TCP forwarding\)/],
    [
      to(t, node, { bastion: { ...through(open), port: closed } }),
      "unreachable bastion",
      /no answer from bastion .*\(Connection refused\)/,
    ],
    [
      to(t, node, { bastion: through(open), port: closed }),
      "unreachable node",
      /no answer on 127\.0\.0\.1:\d+ through bastion 127\.0\.0\.1 \(Connection refused\)/,
    ],
    [
      to(t, node, { bastion: through(open), privateKeys: [newest.privateKey], user: "nobody" }),
      "refused node",
      /through bastion 127\.0\.0\.1 refuses the admin key of user nobody/,
    ],
    [to(t, node, { port: closed }), "unreachable node", /no answer on 127\.0\.0\.1:\d+ \(Connection refused\)/],
  ];
  for (const [endpoint, expected, message] of cases) {
    const error = await failure(t, endpoint);
    t.is(`${error.reason} ${error.hop}`, expected, error.message);
    t.regex(error.message, message);
  }
});

testWithSshServers("an agent's key is used after the derived ones, and only where the site says so", async (t) => {
  const node = await startNode(t, [stranger.publicKey]);
  await startAgent(t, stranger.privateKey);
  t.is((await failure(t, to(t, node))).reason, "refused");
  t.is((await run(to(t, node, { agent: true }), ["true"])).code, 0);
  const both = await startNode(t, [stranger.publicKey, newest.publicKey]);
  t.is((await run(to(t, both, { agent: true }), ["true"])).code, 0);
  t.is(both.log().match(/Accepted publickey/g)?.length, 1);
  t.false(both.log().includes("Failed publickey"));
});

testWithSshServers("a bastion knows the person's agent, the node behind it the derived key", async (t) => {
  const node = await startNode(t);
  const bastion = await startBastion(t, [stranger.publicKey]);
  await startAgent(t, stranger.privateKey);
  t.is((await run(to(t, node, { agent: true, bastion: through(bastion) }), ["true"])).code, 0);
  const derived = await startBastion(t, [newest.publicKey]);
  t.is((await run(to(t, node, { agent: true, bastion: through(derived) }), ["true"])).code, 0);
});

testWithSshServers("without an agent, wanting one is no obstacle", async (t) => {
  const node = await startNode(t);
  t.is((await run(to(t, node, { agent: true }), ["true"])).code, 0);
  t.is((await failure(t, to(t, node, { agent: true, privateKeys: [stranger.privateKey] }))).reason, "refused");
});

for (const direction of ["up", "down"] as const)
  for (const how of ["cut", "freeze"] as const)
    testWithSshServers(
      `a link that ${how === "cut" ? "breaks" : "falls silent"} in a transfer ${direction} is a failure, soon`,
      async (t) => {
        const node = await startNode(t);
        const link = await lossyLink(t, node.port);
        const endpoint = to(t, node, { port: link.port });
        await run(endpoint, ["true"]);
        link.failAfter(1_000_000, direction, how);
        const transfer =
          direction === "up"
            ? run(endpoint, ["sh", "-c", "cat > /dev/null"], { stdin: Readable.from(pieces()) })
            : run(endpoint, ["head", "-c", "50000000", "/dev/zero"]);
        const error = await t.throwsAsync(transfer, { instanceOf: NodeUnavailable });
        t.deepEqual([error.reason, error.midway], ["unreachable", true]);
        t.regex(error.what, /the connection broke/);
        link.mend();
        t.is((await run(endpoint, ["echo", "again"])).stdout, "again\n");
        t.is(link.connections(), 2);
      },
    );

function* pieces() {
  for (let sent = 0; sent < 50; sent += 1) yield Buffer.alloc(1_000_000);
}

testWithSshServers("a link that dies during the login is given up", async (t) => {
  const node = await startNode(t);
  const link = await lossyLink(t, node.port);
  link.failAfter(2000, "down", "freeze");
  const error = await failure(t, to(t, node, { port: link.port, connectSeconds: 1 }));
  t.is(error.reason, "unreachable");
});

testWithSshServers("a command that is killed on the node is no node that is gone", async (t) => {
  const node = await startNode(t);
  const endpoint = to(t, node);
  const error = await t.throwsAsync(run(endpoint, ["sh", "-c", "kill -9 $PPID"]), { instanceOf: UserError });
  t.false(error instanceof NodeUnavailable);
  t.regex(error.message, /^pi-2: sh was killed on the node before its end\n {2}Next: /);
  t.is(node.log().match(/Accepted publickey/g)?.length, 1);
  t.is((await run(endpoint, ["true"])).code, 0);
  t.is(node.log().match(/Accepted publickey/g)?.length, 1, "the connection stays");
});

testWithSshServers("a host key is read without logging in, also behind a bastion", async (t) => {
  const node = await startNode(t);
  const bastion = await startBastion(t, [newest.publicKey]);
  t.is(await readHostKey(to(t, node, { hostKey: stranger.publicKey })), node.hostKey);
  t.is(await readHostKey(to(t, node, { hostKey: stranger.publicKey, bastion: through(bastion) })), node.hostKey);
  t.false(node.log().includes("Accepted"));
  t.deepEqual(leftFiles(), []);
  const closed = { port: await freePort() };
  await t.throwsAsync(readHostKey(to(t, node, closed)), { instanceOf: NodeUnavailable, message: /no answer on/ });
});
