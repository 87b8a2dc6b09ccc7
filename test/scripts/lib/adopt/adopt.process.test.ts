import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import test, { type ExecutionContext } from "ava";
import { parse, stringify } from "yaml";
import { adopt } from "../../../../scripts/lib/adopt/command.ts";
import { fingerprintOf } from "../../../../scripts/lib/adopt/fingerprint.ts";
import { parseSite } from "../../../../stacks/config/parse.ts";
import { deriveSiteKeys } from "../../../../stacks/keys/site-keys.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { exampleRootSecret } from "../../../stacks/keys/example.ts";
import { generateSshKey } from "../../../ssh-key-pair.ts";
import { startSshServer, testWithSshServers, type SshServer, type SshServerOptions } from "../../../ssh-server.ts";

// A node that runs already is a real sshd with an account of its own; its sudo is a stand-in that lets the account in, or not.

const person = generateSshKey("ana@laptop");
const colleague = generateSshKey("luis@laptop");

let runtime = "";
test.beforeEach(() => {
  runtime = mkdtempSync(join(tmpdir(), "bramble-run-"));
  process.env.XDG_RUNTIME_DIR = runtime;
  delete process.env.SSH_AUTH_SOCK;
});
test.afterEach.always(() => {
  rmSync(runtime, { recursive: true });
});

interface Scene {
  readonly server: SshServer;
  readonly file: string;
  readonly identity: string;
  readonly siteOf: () => ReturnType<typeof parseSite>;
  readonly run: (args: readonly string[], answer?: string) => Promise<string>;
}

async function scene(
  t: ExecutionContext,
  options: Partial<SshServerOptions> = {},
  extra: { node?: Record<string, unknown>; access?: Record<string, unknown> } = {},
): Promise<Scene> {
  const authorizedKeys = [person.publicKey, colleague.publicKey];
  const server = await startSshServer(t, { user: "ubuntu", authorizedKeys, ...options });
  const directory = mkdtempSync(join(tmpdir(), "bramble-adopt-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true });
  });
  const file = join(directory, "Pulumi.barn.yaml");
  const site = {
    name: "barn",
    image: { file: "images/os.img", sha256: "a".repeat(64) },
    network: { prefix: 24, gateway: "127.0.0.254" },
    access: extra.access ?? {},
    nodes: {
      "pi-1": { role: "server", address: "127.0.0.11" },
      "pi-2": { role: "agent", address: server.address, ...extra.node },
    },
    k3s: { version: "v1.34.2+k3s1", binary: { file: "images/k3s", sha256: "b".repeat(64) } },
  };
  writeFileSync(file, `# ours\n${stringify({ config: { "bramble:site": site } })}`);
  const identity = join(directory, "id");
  writeFileSync(identity, person.privateKey, { mode: 0o600 });
  const siteOf = () => {
    const { config } = parse(readFileSync(file, "utf8")) as { config: Record<string, unknown> };
    return parseSite("barn", config["bramble:site"]);
  };
  const run = async (args: readonly string[], answer = "") => {
    let printed = "";
    const output = { write: (text: string) => (printed += text) };
    await adopt(
      ["barn", "pi-2", "--user", "ubuntu", "--port", String(server.port), "--identity", identity, ...args],
      { signal: new AbortController().signal },
      {
        terminal: { input: Readable.from([`${answer}\n`]), output },
        readSiteStack: () =>
          Promise.resolve({ site: siteOf(), rootSecret: exampleRootSecret, wifiPassword: undefined }),
        stackFile: () => file,
      },
    );
    return printed;
  };
  return { server, file, identity, siteOf, run };
}

const adminKey = deriveSiteKeys(exampleRootSecret, parseExample()).admin.publicKey;

function parseExample() {
  return parseSite("barn", {
    name: "barn",
    image: { file: "images/os.img", sha256: "a".repeat(64) },
    network: { prefix: 24, gateway: "127.0.0.254" },
    nodes: { "pi-1": { role: "server", address: "127.0.0.11" } },
    k3s: { version: "v1.34.2+k3s1", binary: { file: "images/k3s", sha256: "b".repeat(64) } },
  });
}

/** Runs an adoption that must fail, and looks that it left node and file as they were. */
async function refused(
  t: ExecutionContext,
  { run, file, server }: Scene,
  args: string[],
  answer: string,
  message: RegExp,
) {
  const before = [readFileSync(file, "utf8"), server.authorizedKeys()];
  const error = await t.throwsAsync(run(args, answer), { instanceOf: UserError });
  t.regex(error.message, message);
  t.deepEqual([readFileSync(file, "utf8"), server.authorizedKeys()], before);
}

testWithSshServers("a node is adopted once its fingerprint is confirmed, and again without any change", async (t) => {
  const { run, server, file, siteOf } = await scene(t);
  const printed = await run([], "pi-2");
  t.true(printed.includes(`shows the host key ${fingerprintOf(server.hostKey)} (ssh-ed25519)`), printed);
  t.regex(printed, /Keys that may log in now and not after `pulumi up`.*\n.*ana@laptop\n.*luis@laptop\n/);
  t.is(server.authorizedKeys(), `${person.publicKey}\n${colleague.publicKey}\n${adminKey}\n`);
  const node = siteOf().nodes["pi-2"];
  t.deepEqual([node?.hostKey, node?.user, node?.port], [server.hostKey, "ubuntu", server.port]);
  t.regex(readFileSync(file, "utf8"), /^# ours\n/);

  const before = readFileSync(file, "utf8");
  t.regex(await run(["--yes"]), /the admin key could log in before\n.*says so already/);
  t.is(server.authorizedKeys().split(adminKey).length, 2);
  t.is(readFileSync(file, "utf8"), before);
});

testWithSshServers("another answer than the node's name changes nothing, and nobody has logged in", async (t) => {
  const there = await scene(t);
  await refused(t, there, [], "yes", /^pi-2: not confirmed; nothing was changed\n/);
  t.false(there.server.log().includes("Accepted"));
});

testWithSshServers("a host key that is given is compared instead of asking", async (t) => {
  const there = await scene(t);
  const other = generateSshKey("other").publicKey;
  await refused(
    t,
    there,
    ["--host-key", other],
    "pi-2",
    new RegExp(`SHA256:.* not ${fingerprintOf(other).replaceAll("+", "\\+")} `),
  );
  t.false(there.server.log().includes("Accepted"));
  t.false((await there.run(["--host-key", `${there.server.hostKey} root@pi-2`])).includes("Type"));
  t.is(there.siteOf().nodes["pi-2"]?.hostKey, there.server.hostKey);
});

testWithSshServers("a key that the node does not take, and an account without sudo, are told apart", async (t) => {
  await refused(
    t,
    await scene(t, { authorizedKeys: [colleague.publicKey] }),
    ["--yes"],
    "",
    /takes none of your keys; .*\n {2}Next: .*--identity/,
  );
  await refused(
    t,
    await scene(t, { sudo: false }),
    ["--yes"],
    "",
    /ubuntu has no sudo without a password \(sudo: a password is required\)\n {2}Next: .*sudoers/,
  );
});

testWithSshServers("a board that is not the expected one is refused", async (t) => {
  const expect = { serial: "not-this-one", memoryMegabytes: 10_000_000 };
  await refused(t, await scene(t, {}, { node: { expect } }), ["--yes"], "", /serial.*not-this-one\n.*memory is/);
});

testWithSshServers("K3s of another cluster is refused, that of this site is welcome", async (t) => {
  const there = await scene(t);
  const tls = there.server.path("/var/lib/rancher/k3s/server/tls");
  mkdirSync(tls, { recursive: true });
  const other = deriveSiteKeys(exampleRootSecret, { ...there.siteOf(), name: "mill" });
  writeFileSync(join(tls, "server-ca.crt"), other.authorities["server-ca"].certificate);
  await refused(t, there, ["--yes"], "", /K3s of another cluster/);
  const own = deriveSiteKeys(exampleRootSecret, there.siteOf());
  writeFileSync(join(tls, "server-ca.crt"), own.authorities["server-ca"].certificate);
  t.regex(await there.run(["--yes"]), /K3s of this site/);
});

testWithSshServers("a node behind a bastion is adopted through it", async (t) => {
  const bastion = await startSshServer(t, { user: "hop", authorizedKeys: [person.publicKey] });
  const access = { bastion: { host: bastion.address, port: bastion.port, user: "hop", hostKey: bastion.hostKey } };
  const there = await scene(t, {}, { access });
  // The bastion does not know the admin key yet: only the person's own opens it, and the last check must say so.
  await t.throwsAsync(there.run(["--yes"]), { instanceOf: UserError, message: /bastion .* does not let hop through/ });
  t.is(there.siteOf().nodes["pi-2"]?.hostKey, undefined);
  writeFileSync(bastion.path("/home/hop/.ssh/authorized_keys"), `${person.publicKey}\n${adminKey}\n`);
  await there.run(["--yes"]);
  t.is(there.siteOf().nodes["pi-2"]?.hostKey, there.server.hostKey);
});

test("arguments are looked at before anything else", async (t) => {
  const session = { signal: new AbortController().signal };
  for (const [args, message] of [
    [["barn"], /name a stack and one node/],
    [["barn", "pi-2", "--port", "ssh"], /--port /],
    [["barn", "pi-2", "--user=-oProxyCommand=sh"], /--user must be a Linux user name/],
    [["barn", "pi-2", "--host-key", "AAAA"], /--host-key must be a public key/],
  ] as const)
    await t.throwsAsync(adopt(args, session), { instanceOf: UserError, message });
});
