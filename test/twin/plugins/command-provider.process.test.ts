import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";
import test from "ava";
import { isSecret, reveal, secret, unknownValue } from "../../../twin/plugins/property-values.ts";
import { commandVersion } from "../../../twin/plugins/versions.ts";
import type { RunningPlugin } from "./plugin-client.ts";
import { startPlugin } from "./plugin-client.ts";
import { ProviderClient } from "./provider-client.ts";

const urn = "urn:pulumi:dev::bramble::command:local:Command::greet";
let plugin: RunningPlugin;
let client: ProviderClient;
let directory: string;

test.before(async () => {
  plugin = await startPlugin("command-provider.ts");
  client = new ProviderClient(plugin.address);
  directory = await mkdtemp(join(tmpdir(), "command-provider-"));
});

test.after.always(async () => {
  client.grpc.close();
  await plugin.stop();
  await rm(directory, { recursive: true, force: true });
});

async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("its version is the one that the npm package asks for", (t) => {
  const manifest = createRequire(import.meta.url)("@pulumi/command/package.json") as { version: string };
  t.is(commandVersion, manifest.version);
});

test("create runs the script with its stdin, environment, interpreter and directory", async (t) => {
  const { id, properties } = await client.create(urn, {
    create: 'read line; echo "$line $WHO"; pwd; echo aside > /dev/stderr',
    stdin: "hello\n",
    environment: { WHO: "world" },
    interpreter: ["/bin/sh", "-e", "-c"],
    dir: directory,
  });
  t.regex(id, /^greet[0-9a-f]{8}$/);
  t.is(properties.stdout, `hello world\n${directory}`);
  t.is(properties.stderr, "aside");
});

test("a script may write to /dev/stderr by name, and loses nothing by it", async (t) => {
  const create = "echo one >&2; echo two > /dev/stderr; printf '\\303'; printf '\\251' >&2; echo three >&2";
  const { properties } = await client.create(urn, { create });
  t.is(properties.stderr, "one\ntwo\n\ufffdthree");
  const long = await client.create(urn, {
    create: "i=0; while [ $i -lt 20000 ]; do echo é$i; i=$((i+1)); done",
    logging: "none",
  });
  t.regex(long.properties.stdout as string, /^é0\né1\n[^]*\né19999$/);
});

test("a child that outlives its command does not hold it up", async (t) => {
  const { properties } = await client.create(urn, { create: "sleep 60 & echo $!" });
  const pid = Number(properties.stdout);
  t.true(isAlive(pid));
  process.kill(pid);
});

test("a preview runs nothing", async (t) => {
  const file = join(directory, "preview");
  const created = await client.create(urn, { create: `touch ${file}` }, { preview: true });
  t.is(created.properties.stdout, unknownValue);
  t.false(existsSync(file));
  const old = { id: "x", properties: { create: "echo a", stdout: "a", stderr: "" } };
  t.is((await client.update(urn, old, { create: `touch ${file}` }, { preview: true })).stdout, unknownValue);
  t.false(existsSync(file));
});

test("update runs update, or create where there is none, and is given what was printed before", async (t) => {
  const old = await client.create(urn, { create: "echo first; echo oops >&2" });
  const script = 'echo "$PULUMI_COMMAND_STDOUT/$PULUMI_COMMAND_STDERR"';
  t.is((await client.update(urn, old, { create: "echo no", update: script })).stdout, "first/oops");
  t.is((await client.update(urn, old, { create: script })).stdout, "first/oops");
  t.is((await client.update(urn, old, { create: script, addPreviousOutputInEnv: false })).stdout, "/");
});

test("an update without scripts keeps what was printed", async (t) => {
  const old = { id: "x", properties: { stdout: secret("kept"), stderr: "" } };
  t.deepEqual((await client.update(urn, old, { triggers: [] })).stdout, secret("kept"));
});

test("delete runs the delete script of the state, secrets opened", async (t) => {
  const file = join(directory, "deleted");
  await client.delete(urn, {
    id: "x",
    properties: {
      delete: `cat > ${file}; echo "$PULUMI_COMMAND_STDOUT" >> ${file}`,
      stdin: secret("s3cret\n"),
      stdout: "out",
    },
  });
  t.is(await readFile(file, "utf8"), "s3cret\nout\n");
  await client.delete(urn, { id: "x", properties: { create: "exit 1" } });
});

test("outputs are secret when an input is, and inputs stay secret", async (t) => {
  const { properties } = await client.create(urn, { create: "cat", stdin: secret("s3cret") });
  t.true(isSecret(properties.stdout) && isSecret(properties.stderr) && isSecret(properties.stdin));
  t.is(reveal(properties.stdout ?? null), "s3cret");
});

test("a failure shows status, script and output, and never stdin", async (t) => {
  const error = await t.throwsAsync(
    client.create(urn, { create: "echo out; echo err >&2; cat > /dev/null; exit 3", stdin: "s3cret" }),
  );
  t.regex(error.message, /exit status 3: running "echo out/);
  t.regex(error.message, /out\nerr/);
  t.notRegex(error.message, /s3cret/);
  const hidden = await t.throwsAsync(client.create(urn, { create: secret("echo $((1+1)); false # s3cret") }));
  t.regex(hidden.message, /running \[secret\]:\n2/);
  t.notRegex(hidden.message, /s3cret/);
  await t.throwsAsync(client.create(urn, { create: "x", interpreter: ["/nonexistent"] }), { message: /ENOENT/ });
});

test("lines are passed on while the command runs, as logging says", async (t) => {
  const go = join(directory, "go");
  const create = `echo silent; echo one >&2; until [ -e ${go} ]; do sleep 0.02; done; printf 'two\\nthree' >&2`;
  const streaming = `${urn}-streaming`;
  const ended = client.create(streaming, { create, logging: "stderr" });
  const shown = () => plugin.logs.filter((line) => line.urn === streaming).map((line) => line.message);
  await eventually(() => shown().includes("one"));
  t.false(shown().includes("two"));
  await client.create(urn, { create: `touch ${go}` });
  await ended;
  t.deepEqual(shown(), ["one", "two", "three", ""]);
  t.true(plugin.logs.every((line) => line.ephemeral));
});

test("logging none passes on nothing", async (t) => {
  const quiet = `${urn}-quiet`;
  await client.create(quiet, { create: "echo a; echo b >&2", logging: "none" });
  t.deepEqual(
    plugin.logs.filter((line) => line.urn === quiet),
    [],
  );
});

test("a changed trigger replaces; any other change updates; a changed mark of secrecy is none", async (t) => {
  const inputs = { create: "a", triggers: [1], stdin: "s" };
  const diff = (news: Parameters<typeof client.diff>[2]) => client.diff(urn, { inputs, state: inputs }, news);
  t.like(await diff(inputs), { changed: false, replaces: [] });
  t.like(await diff({ ...inputs, stdin: secret("s") }), { changed: false });
  t.like(await diff({ ...inputs, create: "b" }), { changed: true, replaces: [], paths: ["create"] });
  t.like(await diff({ ...inputs, triggers: [2] }), { changed: true, replaces: ["triggers"], paths: ["triggers"] });
  t.like(await diff({ ...inputs, triggers: [unknownValue] }), { changed: true, replaces: ["triggers"] });
  t.like(await diff({ create: "a", triggers: [1] }), { changed: true, paths: ["stdin"] });
});

test("check names every wrong input at once", async (t) => {
  const { failures } = await client.check(urn, {
    create: 1,
    interpreter: "sh",
    environment: { A: 1 },
    logging: "loud",
    assetPaths: ["*"],
    archivePaths: ["*"],
    constructor: "x",
  });
  t.deepEqual(failures.map(({ property }) => property).sort(), [
    "archivePaths",
    "assetPaths",
    "constructor",
    "create",
    "environment",
    "interpreter",
    "logging",
  ]);
  const fine = await client.check(urn, { create: unknownValue, environment: { A: secret("b") }, interpreter: ["sh"] });
  t.deepEqual(fine.failures, []);
});

test("what the project does not use fails with its name", async (t) => {
  const remote = "urn:pulumi:dev::bramble::bramble:Node$command:remote:Command::far";
  for (const attempt of [
    () => client.check(remote, {}),
    () => client.create(remote, {}),
    () => client.delete(remote, { id: "x", properties: {} }),
  ]) {
    await t.throwsAsync(attempt, { message: /command:remote:Command is not offered/ });
  }
  const error = await t.throwsAsync<grpc.ServiceError>(client.invoke("command:local:run"));
  t.is(error.code, grpc.status.UNIMPLEMENTED);
  t.regex(error.message, /command:local:run is not offered/);
});

test("cancel ends commands and their children, also those deaf to SIGINT", async (t) => {
  const own = await startPlugin("command-provider.ts");
  const ownClient = new ProviderClient(own.address);
  const file = join(directory, "pids");
  // The background child of a non-interactive shell ignores SIGINT, and so does the second command altogether.
  const polite = ownClient.create(urn, { create: `sleep 600 & echo $! $$ > ${file}.a; wait` });
  const deaf = ownClient.create(urn, { create: `trap '' INT; echo $$ > ${file}.b; while :; do sleep 600; done` });
  const failures = Promise.allSettled([polite, deaf]);
  await eventually(() => existsSync(`${file}.a`) && existsSync(`${file}.b`));
  const pids = async () =>
    (await Promise.all(["a", "b"].map((name) => readFile(`${file}.${name}`, "utf8")))).join(" ").match(/\d+/g) ?? [];
  while ((await pids()).length < 3) await sleep(20);
  await ownClient.cancel();
  t.true((await failures).every(({ status }) => status === "rejected"));
  for (const pid of await pids()) await eventually(() => !isAlive(Number(pid)));
  ownClient.grpc.close();
  await own.stop();
  t.pass();
});

test("an interrupted plugin, and one whose engine is gone, leaves no command behind", async (t) => {
  for (const orphan of [false, true]) {
    const file = join(directory, `orphan-${orphan}`);
    const own = await startPlugin("command-provider.ts", { underShell: orphan });
    const ownClient = new ProviderClient(own.address);
    const ended = ownClient.create(urn, { create: `echo $$ > ${file}; sleep 600` }).catch(() => undefined);
    await eventually(() => existsSync(file));
    await sleep(50);
    const pid = Number(await readFile(file, "utf8"));
    t.true(isAlive(pid));
    own.process.kill(orphan ? "SIGKILL" : "SIGINT");
    await ended;
    await eventually(() => !isAlive(pid));
    ownClient.grpc.close();
    await own.stop();
  }
});
