import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Site } from "../../../stacks/config/site.ts";
import { deriveSiteKeys, type SiteKeys } from "../../../stacks/keys/site-keys.ts";
import { accessPhase } from "../../../stacks/nodes/access-phase.ts";
import { applyOn, applyPhase, removePhase } from "../../../stacks/remote/apply-phase.ts";
import { closeConnection, run } from "../../../stacks/remote/connection.ts";
import type { Endpoint } from "../../../stacks/remote/endpoint.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { textFile, type Phase } from "../../../stacks/remote/phase.ts";
import { lossyLink } from "../../lossy-link.ts";
import { generateSshKey } from "../../ssh-key-pair.ts";
import { startSshServer, testWithSshServers, type SshServer } from "../../ssh-server.ts";
import { exampleRootSecret, exampleSite } from "../keys/example.ts";

// Rotations of the admin key over a real sshd, whose account and home are a machine's own.

let runtime = "";
test.beforeEach(() => {
  runtime = mkdtempSync(join(tmpdir(), "bramble-run-"));
  process.env.XDG_RUNTIME_DIR = runtime;
  delete process.env.SSH_AUTH_SOCK;
});
test.afterEach.always(() => {
  rmSync(runtime, { recursive: true });
});

const ana = generateSshKey("ana@laptop").publicKey;

/** The site at a generation of its admin key, with one node at the server. */
interface Generation {
  readonly site: Site;
  readonly keys: SiteKeys;
  readonly endpoint: Endpoint;
  readonly phase: Phase;
}

function generation(adminKeyGeneration: number, server: SshServer, port = server.port): Generation {
  const site = { ...exampleSite(), adminKeyGeneration, authorizedKeys: [ana] };
  const keys = deriveSiteKeys(exampleRootSecret, site);
  const endpoint = { ...endpointOf(site, "pi-2", keys), address: server.address, port, silenceSeconds: 5 };
  return { site, keys, endpoint, phase: accessPhase(site, "pi-2", keys) };
}

/** A node as its card left it: the admin key of the generation at that time, and the people's. */
function startNode(t: ExecutionContext, adminKeyGeneration = 1) {
  const site = { ...exampleSite(), adminKeyGeneration };
  const keys = deriveSiteKeys(exampleRootSecret, site);
  const authorizedKeys = [keys.admin.publicKey, ana];
  return startSshServer(t, { user: "bramble", authorizedKeys, hostKey: keys.hostKey("pi-2") });
}

/** Whether a login works, over a connection of its own. */
async function letsIn(endpoint: Endpoint): Promise<boolean> {
  try {
    return (await run(endpoint, ["true"])).code === 0;
  } catch (error) {
    if (error instanceof NodeUnavailable && error.reason === "refused") return false;
    throw error;
  } finally {
    await closeConnection(endpoint);
  }
}

/** With the key of one generation and no other. */
const onlyNewest = (endpoint: Endpoint): Endpoint => ({ ...endpoint, privateKeys: endpoint.privateKeys.slice(0, 1) });

async function applyAccess({ phase, endpoint }: Generation): Promise<string> {
  try {
    return await applyPhase(phase, applyOn(endpoint));
  } finally {
    await closeConnection(endpoint);
  }
}

testWithSshServers("after a rotation the new key works, and the old one no longer", async (t) => {
  const server = await startNode(t);
  const [first, second] = [generation(1, server), generation(2, server)];
  t.regex(await applyAccess(first), /^pi-2 access: /);
  t.true(await letsIn(second.endpoint), "before its phase, by the old key");
  t.false(await letsIn(onlyNewest(second.endpoint)));
  t.regex(await applyAccess(second), /wrote authorized_keys/);
  t.true(await letsIn(onlyNewest(second.endpoint)));
  t.false(await letsIn(first.endpoint));
  t.is(server.authorizedKeys(), `${second.keys.admin.publicKey}\n${ana}\n`);
  const { mode, uid, gid } = statSync(server.path("/home/bramble/.ssh/authorized_keys"));
  t.deepEqual([mode & 0o777, uid, gid], [0o600, 4001, 4001]);
  t.is(await applyAccess(second), "pi-2 access: nothing to do");
});

testWithSshServers("what a node was given by hand goes, and what its card brought stays as it is", async (t) => {
  const server = await startNode(t);
  const first = generation(1, server);
  const before = server.authorizedKeys();
  await applyAccess(first);
  t.is(server.authorizedKeys(), before, "the card says the same, byte for byte");
  const stranger = generateSshKey("stranger").publicKey;
  writeFileSync(server.path("/home/bramble/.ssh/authorized_keys"), `${before}${stranger}\n`);
  await applyAccess(first);
  t.is(server.authorizedKeys(), before);
});

testWithSshServers("a rotation that is interrupted anywhere locks nobody out, and the next one ends it", async (t) => {
  const server = await startNode(t);
  await applyAccess(generation(1, server));
  // The link breaks after ever more bytes in each direction: before the login, in it, in the upload, and before the answer.
  let interrupted = 0;
  let completed = 0;
  for (const direction of ["up", "down"] as const)
    for (let bytes = 500; bytes < 30_000; bytes = Math.ceil(bytes * 2.2)) {
      const number = 2 + interrupted + completed;
      const link = await lossyLink(t, server.port);
      link.failAfter(bytes, direction, "cut");
      const over = generation(number, server, link.port);
      const error = await applyAccess(over).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error === undefined) completed += 1;
      else {
        t.true(error instanceof NodeUnavailable);
        interrupted += 1;
      }
      const direct = generation(number, server);
      t.true(await letsIn(direct.endpoint), `locked out after ${bytes} bytes ${direction}`);
      await applyAccess(direct);
      t.true(await letsIn(onlyNewest(direct.endpoint)));
      t.false(await letsIn(generation(number - 1, server).endpoint), "the old key stops working");
    }
  t.true(interrupted >= 4, `${interrupted} interrupted, ${completed} completed`);
  t.true(completed >= 1, "some links broke too late to matter");
});

testWithSshServers("a node that was off during four rotations is reached, and brought to the last", async (t) => {
  const server = await startNode(t);
  await applyAccess(generation(1, server));
  const fifth = generation(5, server);
  t.true(await letsIn(fifth.endpoint));
  await applyAccess(fifth);
  t.true(await letsIn(onlyNewest(fifth.endpoint)));
});

testWithSshServers("going back a generation is refused, says why, and changes nothing", async (t) => {
  const server = await startNode(t);
  await applyAccess(generation(1, server));
  await applyAccess(generation(2, server));
  const before = server.authorizedKeys();
  await t.throwsAsync(applyAccess(generation(1, server)), {
    instanceOf: NodeUnavailable,
    message: /refuses the admin key of user bramble\n {2}Next: if adminKeyGeneration was lowered, raise it again/,
  });
  t.is(server.authorizedKeys(), before);
  t.true(await letsIn(generation(2, server).endpoint));
});

testWithSshServers("after a rotation, and after six, everything else can still be removed", async (t) => {
  const server = await startNode(t);
  const note = (endpoint: Endpoint): [Phase, Endpoint] => [
    {
      node: "pi-2",
      name: "note",
      files: [textFile("/var/lib/note", "here\n")],
      directories: [],
      steps: [],
      removal: [],
    },
    endpoint,
  ];
  await applyAccess(generation(1, server));
  for (const number of [2, 3, 4, 5, 6, 7]) await applyAccess(generation(number, server));
  const last = generation(7, server);
  await applyPhase(note(last.endpoint)[0], applyOn(last.endpoint));
  await removePhase(last.phase, applyOn(last.endpoint));
  await closeConnection(last.endpoint);
  t.is(
    server
      .authorizedKeys()
      .split("\n")
      .filter((line) => line.endsWith("admin@barn")).length,
    1,
  );
  t.true(server.authorizedKeys().includes(ana));
  t.true(await letsIn(onlyNewest(last.endpoint)));
  t.false(await letsIn(generation(1, server).endpoint), "a key that was rotated away stays out");
  await removePhase(note(last.endpoint)[0], applyOn(last.endpoint));
  t.throws(() => readFileSync(server.path("/var/lib/note")), { code: "ENOENT" });
  await closeConnection(last.endpoint);
});

testWithSshServers("a removal without any rotation leaves the file as the card or the owner had it", async (t) => {
  const server = await startNode(t);
  const first = generation(1, server);
  const path = server.path("/home/bramble/.ssh/authorized_keys");
  // As an adopted node has it: comments, options, and the admin key that the adoption added.
  const original = `# mine\nfrom="10.0.0.0/8" ${generateSshKey("owner").publicKey}\n\n${first.keys.admin.publicKey}\n`;
  writeFileSync(path, original);
  chownSync(path, 4001, 4001);
  await applyAccess(first);
  t.not(server.authorizedKeys(), original);
  await removePhase(first.phase, applyOn(first.endpoint));
  await closeConnection(first.endpoint);
  t.is(server.authorizedKeys(), original);
  t.true(await letsIn(first.endpoint));
});

testWithSshServers(
  "a removal after rotations leaves the owner's lines, and the present admin key instead of an old one",
  async (t) => {
    const server = await startNode(t);
    const first = generation(1, server);
    const path = server.path("/home/bramble/.ssh/authorized_keys");
    const owners = `# mine\n${generateSshKey("owner").publicKey}\n`;
    writeFileSync(path, `${owners}${first.keys.admin.publicKey}\n`);
    chownSync(path, 4001, 4001);
    for (const number of [1, 2, 3, 4, 5, 6, 7]) await applyAccess(generation(number, server));
    const last = generation(7, server);
    await removePhase(last.phase, applyOn(last.endpoint));
    await closeConnection(last.endpoint);
    t.is(server.authorizedKeys(), `${owners}${last.keys.admin.publicKey}\n`);
    const { mode, uid, gid } = statSync(path);
    t.deepEqual([mode & 0o777, uid, gid], [0o600, 4001, 4001]);
    t.true(await letsIn(onlyNewest(last.endpoint)), "the rest of the removal gets in");
    t.false(await letsIn(first.endpoint), "a key that was rotated away stays out");
  },
);
