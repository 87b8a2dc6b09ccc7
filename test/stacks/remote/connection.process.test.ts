import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Writable } from "node:stream";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { quote, run } from "../../../stacks/remote/connection.ts";
import { endpointSchema, type Endpoint } from "../../../stacks/remote/endpoint.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import { renderSshConfiguration } from "../../../stacks/remote/ssh-configuration.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { exampleRootSecret, exampleSite } from "../keys/example.ts";

const site = exampleSite();
const keys = deriveSiteKeys(exampleRootSecret, site);
const endpoint = endpointOf(site, "pi-2", keys);

/** Puts an ssh before the real one that notes how it is called, makes "masters", and runs commands here. */
function fakeSsh(t: ExecutionContext, onMaster = ': > "$socket"'): { calls: () => string[]; directory: string } {
  const directory = mkdtempSync(join(tmpdir(), "bramble-ssh-"));
  const script = `#!/bin/sh
printf '%s\\n' "$*" | tr '\\n' ' ' >> ${directory}/calls; echo >> ${directory}/calls
for word in "$@"; do
  case "$last" in -S) socket=$word ;; -O) request=$word ;; -E) log=$word ;; -F) config=$word ;; esac
  last=$word
done
case "$request" in
  check) [ -e "$socket" ]; exit ;;
  exit) rm -f "$socket"; exit ;;
esac
if [ "$config" != /dev/null ]; then
  files=\${config%/config}
  stat -c '%a' "$files"/* "$files" | sort -u > ${directory}/modes
  cp "$files"/* ${directory}
  ${onMaster}
  exit
fi
[ -e "$socket" ] || exit 255
exec sh -c "$last"
`;
  writeFileSync(join(directory, "ssh"), script);
  chmodSync(join(directory, "ssh"), 0o755);
  const before = { PATH: process.env.PATH, XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR };
  process.env.PATH = `${directory}${delimiter}${before.PATH ?? ""}`;
  process.env.XDG_RUNTIME_DIR = directory;
  t.teardown(() => {
    process.env.PATH = before.PATH ?? "";
    if (before.XDG_RUNTIME_DIR === undefined) delete process.env.XDG_RUNTIME_DIR;
    else process.env.XDG_RUNTIME_DIR = before.XDG_RUNTIME_DIR;
    rmSync(directory, { recursive: true });
  });
  return { directory, calls: () => readFileSync(join(directory, "calls"), "utf8").trim().split("\n") };
}

test.serial("a command runs with its input, and its exit code and output come back", async (t) => {
  fakeSsh(t);
  const result = await run(endpoint, ["sh", "-c", "cat; echo oh >&2; exit 7"], { stdin: "payload" });
  t.deepEqual(result, { stdout: "payload", stderr: "oh\n", code: 7 });
});

test.serial("what a command prints can go to a stream, all of it before the result is there", async (t) => {
  fakeSsh(t);
  const taken: Buffer[] = [];
  const slow = new Writable({
    write(data: Buffer, _encoding, done) {
      taken.push(data);
      setTimeout(done, 5);
    },
  });
  const result = await run(endpoint, ["sh", "-c", "head -c 1000000 /dev/zero; exit 3"], { stdout: slow });
  t.deepEqual(result, { stdout: "", stderr: "", code: 3 });
  t.is(Buffer.concat(taken).length, 1_000_000);
  const full = new Writable({
    write(_data, _encoding, done) {
      done(new Error("no room"));
    },
  });
  await t.throwsAsync(run(endpoint, ["yes"], { stdout: full }), { message: "no room" });
});

test.serial("one connection serves several commands, also at once", async (t) => {
  const { calls } = fakeSsh(t);
  await Promise.all([1, 2, 3].map((number) => run(endpoint, ["echo", String(number)])));
  await run(endpoint, ["true"]);
  t.is(calls().filter((call) => call.includes("-f -N")).length, 1);
});

test.serial("the login uses a configuration of its own, and leaves no key behind", async (t) => {
  const { calls, directory } = fakeSsh(t);
  await run(endpoint, ["true"]);
  t.regex(calls().find((call) => call.includes("-f -N")) ?? "", /^-F [0-9a-f]{12}-\w{6}\/config /);
  t.is(
    readFileSync(join(directory, "config"), "utf8").replaceAll(/[0-9a-f]{12}-\w{6}/g, "login"),
    renderSshConfiguration(endpoint, { directory: "login", node: "keys", bastion: "keys" }),
  );
  t.is(readFileSync(join(directory, "known_hosts"), "utf8"), `node ${endpoint.hostKey}\n`);
  t.is(readFileSync(join(directory, "modes"), "utf8"), "600\n700\n");
  t.is(readFileSync(join(directory, "key-0"), "utf8").trim(), (endpoint.privateKeys[0] ?? "").trim());
  const runtime = readdirSync(directory).find((name) => name.startsWith("bramble-")) ?? "";
  const [socket, ...more] = readdirSync(join(directory, runtime));
  t.regex(socket ?? "", /^[0-9a-f]{12}$/);
  t.deepEqual(more, []);
});

test.serial("an endpoint that went through Pulumi's state shares the program's connection", async (t) => {
  const { calls } = fakeSsh(t);
  await run(endpoint, ["true"]);
  const entries = Object.entries(endpointSchema.parse(JSON.parse(JSON.stringify(endpoint)))).reverse();
  await run(Object.fromEntries(entries) as Endpoint, ["true"]);
  t.is(calls().filter((call) => call.includes("-f -N")).length, 1);
});

test.serial("nothing secret is in any command line", async (t) => {
  const { calls } = fakeSsh(t);
  await run(endpoint, ["cat"], { stdin: "the-payload" });
  const all = calls().join("\n");
  const keyLines = endpoint.privateKeys
    .flatMap((key) => key.split("\n"))
    .filter((line) => line.length > 20 && !line.startsWith("-----"));
  for (const secret of ["the-payload", ...keyLines]) t.false(all.includes(secret));
});

test.serial("another host key is told apart from a refused login and from silence", async (t) => {
  const { directory } = fakeSsh(t, 'echo "Host key verification failed." > "$log"; exit 255');
  const error = await t.throwsAsync(run(endpoint, ["true"]), { instanceOf: NodeUnavailable });
  t.is(error.reason, "host-key");
  t.regex(error.message, /^pi-2: 192\.168\.7\.12:22 answers with another SSH host key .*\n {2}Next: .*write its card/);
  const runtime = readdirSync(directory).find((name) => name.startsWith("bramble-")) ?? "";
  t.deepEqual(readdirSync(join(directory, runtime)), [], "neither key nor lock stays");
});

test.serial("a command that takes too long is given up", async (t) => {
  fakeSsh(t);
  const error = await t.throwsAsync(run(endpoint, ["sleep", "30"], { timeoutSeconds: 1 }), {
    instanceOf: NodeUnavailable,
  });
  t.regex(error.message, /no end after 1 s/);
});

test.serial("a connection that broke is closed, so that the next command opens another", async (t) => {
  const { calls, directory } = fakeSsh(t);
  await t.throwsAsync(
    run(endpoint, ["sh", "-c", `rm ${directory}/bramble-*/*[0-9a-f]; echo broken pipe >&2; exit 255`]),
    {
      instanceOf: NodeUnavailable,
      message: /connection broke: broken pipe/,
    },
  );
  t.is((await run(endpoint, ["echo", "again"])).stdout, "again\n");
  t.is(calls().filter((call) => call.includes("-f -N")).length, 2);
});

test.serial("a machine without an OpenSSH client is told to install one", async (t) => {
  const { directory } = fakeSsh(t);
  process.env.PATH = join(directory, "nothing");
  await t.throwsAsync(run(endpoint, ["true"]), { message: /no ssh on this machine\n {2}Next: install/ });
});

test("words survive a POSIX shell as they are", (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: "grapheme" }).filter((word) => !word.includes("\0")),
        { maxLength: 8 },
      ),
      (words) => {
        const text = execFileSync("sh", ["-c", `printf '%s\\0' x ${words.map(quote).join(" ")}`], { encoding: "utf8" });
        t.deepEqual(text.split("\0").slice(1, -1), words);
      },
    ),
    { numRuns: 30 },
  );
});

test("plain words stay readable", (t) => {
  t.is(quote("/usr/local/bin/k3s"), "/usr/local/bin/k3s");
  t.is(quote(""), "''");
});
