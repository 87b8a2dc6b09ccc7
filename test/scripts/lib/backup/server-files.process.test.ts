import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { blockSize, serverFiles, type ServerFiles } from "../../../../scripts/lib/backup/server-files.ts";
import type { Endpoint } from "../../../../stacks/remote/endpoint.ts";
import { endpointOf } from "../../../../stacks/remote/site-endpoint.ts";
import { run, type RunResult } from "../../../../stacks/remote/connection.ts";
import { NodeUnavailable } from "../../../../stacks/remote/node-unavailable.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { startSshServer, testWithSshServers } from "../../../ssh-server.ts";
import { bytesOf, keys, sha256, site } from "./example-backup.ts";

const endpoint = endpointOf(site, "pi-1", keys);
const restored = "var/lib/bramble/restore";

/** A directory in memory, where that can be had: what is synced to a disk takes its time. */
const temporaryDirectory = (name: string) => mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), name));

/** Runs what a server would run, here and without sudo. */
function runHere(environment: NodeJS.ProcessEnv, argv: readonly string[], stdin: unknown): RunResult {
  const [sudo, quiet, command = "", ...args] = argv;
  if (`${sudo} ${quiet}` !== "sudo -n") throw new Error(argv.join(" "));
  const { stdout, stderr, status } = spawnSync(command, args, {
    input: String(stdin),
    encoding: "utf8",
    maxBuffer: 1 << 30,
    env: { ...process.env, ...environment },
  });
  return { stdout, stderr, code: status ?? 1 };
}

/** A directory that stands for a server's disk, and what works on it. */
function exampleServer(
  t: ExecutionContext,
  {
    answers = () => undefined,
    environment = {},
  }: { answers?: (call: number) => unknown; environment?: NodeJS.ProcessEnv } = {},
): {
  base: string;
  files: ServerFiles;
  write: (path: string, content: string | Buffer, mode?: number) => void;
  calls: () => number;
} {
  const base = temporaryDirectory("bramble-server-");
  t.teardown(() => {
    rmSync(base, { recursive: true });
  });
  let calls = 0;
  const files = serverFiles(endpoint, {
    base,
    pauses: [0, 0, 0],
    run: (_endpoint, argv, options) => {
      const result = runHere(environment, argv, options?.stdin);
      const error = answers(calls++);
      // The answer is lost, not the request.
      return error instanceof Error ? Promise.reject(error) : Promise.resolve(result);
    },
  });
  const write = (path: string, content: string | Buffer, mode = 0o644) => {
    mkdirSync(join(base, path, ".."), { recursive: true });
    writeFileSync(join(base, path), content, { mode });
  };
  return { base, files, write, calls: () => calls };
}

const snapshotsDirectory = "var/lib/rancher/k3s/server/db/snapshots";
const unreachable = new NodeUnavailable(endpoint, "unreachable", { midway: true });

test("a card that was just written holds nothing", async (t) => {
  const { files } = exampleServer(t);
  t.deepEqual(await files.look(undefined), {
    version: null,
    tokenDigest: null,
    hasData: false,
    disk: "none",
    snapshots: [],
  });
  t.is(await files.arrived(), undefined);
});

test("a look says what a server runs and has, and no secret", async (t) => {
  const { base, files, write } = exampleServer(t);
  write(
    "usr/local/bin/k3s",
    "#!/bin/sh\necho 'k3s version v1.34.2+k3s1 (0123abcd)'\necho 'go version go1.24.9'\n",
    0o755,
  );
  write("var/lib/rancher/k3s/server/token", "K10abcdef::server:the-password\n");
  write("var/lib/rancher/k3s/server/db/etcd/member/wal", "");
  write(`${snapshotsDirectory}/etcd-snapshot-pi-1-1764000000`, "abc");
  utimesSync(join(base, snapshotsDirectory, "etcd-snapshot-pi-1-1764000000"), 1764000001, 1764000001);
  mkdirSync(join(base, snapshotsDirectory, "directory"));
  t.deepEqual(await files.look(undefined), {
    version: "v1.34.2+k3s1",
    tokenDigest: sha256("the-password"),
    hasData: true,
    disk: "none",
    snapshots: [{ name: "etcd-snapshot-pi-1-1764000000", bytes: 3, time: 1764000001 }],
  });
});

test("a data disk is looked at without being mounted", async (t) => {
  const programs = mkdtempSync(join(tmpdir(), "bramble-programs-"));
  t.teardown(() => {
    rmSync(programs, { recursive: true });
  });
  const said = join(programs, "said");
  writeFileSync(join(programs, "debugfs"), `#!/bin/sh\ncat ${said}\n`, { mode: 0o755 });
  const { base, files, write } = exampleServer(t, { environment: { PATH: `${programs}:${process.env.PATH}` } });
  write("disk", "");
  const disk = async (path: string) => (await files.look(path)).disk;
  t.is(await disk(join(base, "another")), "absent");
  writeFileSync(said, "/rancher/k3s/server/db/etcd/member: File not found by ext2_lookup\n");
  t.is(await disk(join(base, "disk")), "empty");
  writeFileSync(said, "Inode: 13   Type: directory    Mode:  0700\n");
  t.is(await disk(join(base, "disk")), "data");
});

test("a snapshot is read by its blocks", async (t) => {
  const { files, write } = exampleServer(t);
  const bytes = bytesOf("snapshot", 3 * blockSize + 5);
  write(`${snapshotsDirectory}/one`, bytes);
  const block = (index: number) => bytes.subarray(index * blockSize, (index + 1) * blockSize);
  t.deepEqual(await files.digest("one"), {
    bytes: bytes.length,
    sha256: sha256(bytes),
    blocks: [0, 1, 2, 3].map((index) => sha256(block(index))),
  });
  t.true((await files.read("one", [3, 0, 2])).equals(Buffer.concat([block(3), block(0), block(2)])));
});

test("what cannot be read is said in its own words", async (t) => {
  const { files } = exampleServer(t);
  const error = await t.throwsAsync(files.digest("none"), { instanceOf: UserError });
  t.regex(error.message, /^pi-1: digest failed: FileNotFoundError/);
});

test("a snapshot that is received has its name and manifest once it is whole, and only root reads it", async (t) => {
  const { base, files } = exampleServer(t);
  const bytes = bytesOf("snapshot", 300_000);
  await files.receive(0, bytes.subarray(0, 200_000));
  t.deepEqual(readdirSync(join(base, restored)), ["snapshot.part"]);
  t.deepEqual(await files.arrived(), { bytes: 200_000, sha256: sha256(bytes.subarray(0, 200_000)) });
  await files.receive(200_000, bytes.subarray(200_000));
  await files.finish({ bytes: bytes.length, sha256: sha256(bytes), manifest: "the manifest\n" });
  t.deepEqual(readdirSync(join(base, restored)).sort(), ["manifest.json", "snapshot"]);
  t.true(readFileSync(join(base, restored, "snapshot")).equals(bytes));
  t.is(readFileSync(join(base, restored, "manifest.json"), "utf8"), "the manifest\n");
  const modes = ["", "snapshot", "manifest.json"].map((name) => statSync(join(base, restored, name)).mode & 0o777);
  t.deepEqual(modes, [0o700, 0o600, 0o600]);
});

test("bytes that are sent again, and fewer than before, cut off what lay behind them", async (t) => {
  const { base, files } = exampleServer(t);
  await files.receive(0, Buffer.from("abcdef"));
  await files.receive(3, Buffer.from("XYZ"));
  await files.receive(0, Buffer.from("12"));
  t.is(readFileSync(join(base, restored, "snapshot.part"), "utf8"), "12");
  await t.throwsAsync(files.receive(5, Buffer.from("gap")), {
    instanceOf: UserError,
    message: /has 2 bytes, fewer than were sent/,
  });
});

test("a snapshot that arrives damaged is no snapshot, however often the server is asked", async (t) => {
  const { base, files } = exampleServer(t, { answers: (call) => (call === 1 ? unreachable : undefined) });
  await files.receive(0, Buffer.from("damaged"));
  const whole = { bytes: 7, sha256: sha256("correct"), manifest: "{}" };
  // The first answer is lost, and the request made again.
  await t.throwsAsync(files.finish(whole), { instanceOf: UserError, message: /arrived with sha256/ });
  t.deepEqual(readdirSync(join(base, restored)), []);
});

test("a finish whose answer is lost is made again", async (t) => {
  const { base, files, calls } = exampleServer(t, { answers: (call) => (call === 1 ? unreachable : undefined) });
  await files.receive(0, Buffer.from("abc"));
  await files.finish({ bytes: 3, sha256: sha256("abc"), manifest: "{}" });
  t.is(calls(), 3);
  t.deepEqual(readdirSync(join(base, restored)).sort(), ["manifest.json", "snapshot"]);
});

test("from the first byte of another snapshot on, the former one does not count", async (t) => {
  const { base, files } = exampleServer(t);
  await files.receive(0, Buffer.from("abc"));
  await files.finish({ bytes: 3, sha256: sha256("abc"), manifest: "{}" });
  await files.receive(0, Buffer.from("x"));
  t.false(existsSync(join(base, restored, "manifest.json")));
  await t.throwsAsync(files.finish({ bytes: 3, sha256: sha256("xyz"), manifest: "{}" }), { instanceOf: UserError });
  t.false(existsSync(join(base, restored, "manifest.json")));
});

test("a link in a snapshot's place is not followed", async (t) => {
  const { base, files, write } = exampleServer(t);
  write("precious", "precious");
  mkdirSync(join(base, restored), { recursive: true });
  symlinkSync(join(base, "precious"), join(base, restored, "snapshot.part"));
  t.is(await files.arrived(), undefined);
  await t.throwsAsync(files.receive(0, Buffer.from("overwritten")), { instanceOf: UserError });
  rmSync(join(base, restored, "snapshot.part"));
  symlinkSync(join(base, "precious"), join(base, restored, "manifest.json.tmp"));
  await files.receive(0, Buffer.from("abc"));
  await files.finish({ bytes: 3, sha256: sha256("abc"), manifest: "{}" });
  t.is(readFileSync(join(base, "precious"), "utf8"), "precious");
});

test("a transfer is tried again while the connection breaks, and no longer", async (t) => {
  const broken = exampleServer(t, { answers: () => unreachable });
  await t.throwsAsync(broken.files.digest("one"), { instanceOf: NodeUnavailable });
  t.is(broken.calls(), 4);
  const stranger = exampleServer(t, { answers: () => new NodeUnavailable(endpoint, "host-key") });
  await t.throwsAsync(stranger.files.digest("one"), { instanceOf: NodeUnavailable });
  t.is(stranger.calls(), 1);
});

/** Ends the process before the n-th of its changes to the disk. */
const cutting = `
import os
left = int(os.environ.get("CUT", "0"))
def cut_before(real):
    def change(*args, **more):
        global left
        left -= 1
        if left == 0:
            os._exit(77)
        return real(*args, **more)
    return change
for name in ["chmod", "fdopen", "fsync", "open", "rename", "unlink"]:
    setattr(os, name, cut_before(getattr(os, name)))
`;

test("cut off before any of its changes, a manifest never lies beside another snapshot than its own", async (t) => {
  t.timeout(300_000);
  const base = temporaryDirectory("bramble-server-");
  t.teardown(() => {
    rmSync(base, { recursive: true });
  });
  /** Whether it was cut off. */
  const attempt = async (content: string, action: "receive" | "finish", cut = 0): Promise<boolean> => {
    let code = 0;
    const files = serverFiles(endpoint, {
      base,
      pauses: [],
      run: (_endpoint, argv, options) => {
        const result = runHere(
          { CUT: String(cut) },
          [...argv.slice(0, -1), cutting + (argv.at(-1) ?? "")],
          options?.stdin,
        );
        ({ code } = result);
        return Promise.resolve(result);
      },
    });
    const whole = { bytes: content.length, sha256: sha256(content), manifest: sha256(content) };
    try {
      await (action === "receive" ? files.receive(0, Buffer.from(content)) : files.finish(whole));
    } catch (error) {
      if (code !== 77) throw error;
    }
    return code === 77;
  };
  const read = (name: string) => {
    const file = join(base, restored, name);
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  };
  // A former restore, and the new snapshot received beside it.
  await attempt("old", "receive");
  await attempt("old", "finish");
  cpSync(join(base, "var"), join(base, "before-receive"), { recursive: true });
  await attempt("new", "receive");
  cpSync(join(base, "var"), join(base, "before-finish"), { recursive: true });
  const cuts = { receive: 0, finish: 0 };
  for (const action of ["receive", "finish"] as const)
    for (let place = 1; ; place += 1) {
      rmSync(join(base, "var"), { recursive: true });
      cpSync(join(base, `before-${action}`), join(base, "var"), { recursive: true });
      if (!(await attempt("new", action, place))) break;
      cuts[action] += 1;
      const manifest = read("manifest.json");
      if (manifest !== undefined) t.is(manifest, sha256(read("snapshot") ?? ""), `${action}, before change ${place}`);
      for (const again of ["receive", "finish"] as const) await attempt("new", again);
      t.deepEqual([read("snapshot"), read("manifest.json")], ["new", sha256("new")]);
    }
  t.true(cuts.receive >= 4 && cuts.finish >= 6, JSON.stringify(cuts));
});

let runtime: string | undefined;
test.before(() => {
  runtime = mkdtempSync(join(tmpdir(), "bramble-run-"));
  process.env.XDG_RUNTIME_DIR = runtime;
  delete process.env.SSH_AUTH_SOCK;
});
test.after.always(() => {
  if (runtime !== undefined) rmSync(runtime, { recursive: true });
});

testWithSshServers("over SSH, megabytes go both ways as they are", async (t) => {
  const machine = await startSshServer(t, {
    user: "bramble",
    authorizedKeys: [keys.admin.publicKey],
    hostKey: keys.hostKey("pi-1"),
  });
  const there: Endpoint = { ...endpoint, address: machine.address, port: machine.port };
  const bytes = bytesOf("snapshot", 64 * blockSize);
  mkdirSync(machine.path(`/${snapshotsDirectory}`), { recursive: true });
  writeFileSync(machine.path(`/${snapshotsDirectory}/one`), bytes);
  const files = serverFiles(there, { run });
  t.is((await files.digest("one")).sha256, sha256(bytes));
  t.true(
    (
      await files.read(
        "one",
        Array.from({ length: 64 }, (_, index) => index),
      )
    ).equals(bytes),
  );
  await files.receive(0, bytes);
  await files.finish({ bytes: bytes.length, sha256: sha256(bytes), manifest: "{}" });
  t.true(readFileSync(machine.path(`/${restored}/snapshot`)).equals(bytes));
});
