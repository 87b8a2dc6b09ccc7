import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { backUp } from "../../../../scripts/lib/backup/back-up.ts";
import { parseManifest } from "../../../../scripts/lib/backup/manifest.ts";
import { blockSize } from "../../../../scripts/lib/backup/server-files.ts";
import { Progress } from "../../../../scripts/lib/flash/progress.ts";
import type { Site } from "../../../../stacks/config/site.ts";
import { siteSchema } from "../../../../stacks/config/site.ts";
import { deriveSiteKeys } from "../../../../stacks/keys/site-keys.ts";
import { NodeUnavailable } from "../../../../stacks/remote/node-unavailable.ts";
import { endpointOf } from "../../../../stacks/remote/site-endpoint.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { exampleRootSecret } from "../../../stacks/keys/example.ts";
import { bytesOf, exampleManifest, exampleSnapshot, keys, sha256, site } from "./example-backup.ts";
import { fakeServer, fakeSurroundings, type FakeServer } from "./fake-servers.ts";

const blocks = 40;
const data = exampleSnapshot("today", blocks * blockSize - 77);

interface Trial {
  readonly directory: string;
  readonly said: string[];
  /** Makes a backup, a second after the one before. */
  readonly backUp: (options?: { latestScheduled?: boolean; signal?: AbortSignal }) => Promise<string>;
}

async function trial(
  t: ExecutionContext,
  servers: Readonly<Record<string, FakeServer>>,
  of: Site = site,
): Promise<Trial> {
  const directory = await mkdtemp(join(tmpdir(), "bramble-backup-"));
  t.teardown(() => rm(directory, { recursive: true }));
  const surroundings = fakeSurroundings(servers, { backups: directory });
  const said: string[] = [];
  let time = Date.UTC(2026, 10, 25, 12);
  return {
    directory: join(directory, "barn"),
    said,
    backUp: ({ latestScheduled = false, signal = new AbortController().signal } = {}) =>
      backUp({
        ...surroundings,
        stack: "barn",
        site: of,
        keys: deriveSiteKeys(exampleRootSecret, of),
        directory,
        latestScheduled,
        progress: new Progress(surroundings.terminal.output),
        say: (line) => said.push(line),
        now: () => new Date((time += 1000)),
        signal,
      }),
  };
}

const threeServers: Site = siteSchema.parse({
  ...site,
  nodes: {
    "pi-1": { role: "server", address: "192.168.7.11" },
    "pi-2": { role: "server", address: "192.168.7.12" },
    "pi-3": { role: "server", address: "192.168.7.13" },
  },
});

test("a snapshot is taken, fetched and described, and does not stay on the server", async (t) => {
  const server = fakeServer({ data });
  const { backUp, directory } = await trial(t, { "pi-1": server });
  const made = await backUp();
  t.is(made, join(directory, "2026-11-25T12-00-01Z"));
  t.true((await readFile(join(made, "snapshot"))).equals(data));
  const manifest = parseManifest(await readFile(join(made, "manifest.json"), "utf8"), made);
  t.regex(manifest.snapshot, /^bramble-backup-pi-1-\d+$/);
  const { snapshot, time } = manifest;
  t.deepEqual(manifest, exampleManifest({ snapshot, time, bytes: data.length, sha256: sha256(data) }));
  t.deepEqual(server.commands, ["save --name bramble-backup", `delete ${snapshot}`]);
  for (const [path, mode] of [
    ["", 0o700],
    ["snapshot", 0o600],
    ["manifest.json", 0o600],
  ] as const)
    t.is((await stat(join(made, path))).mode & 0o777, mode);
  t.deepEqual(await readdir(directory), ["2026-11-25T12-00-01Z"]);
});

test("what an earlier backup left on the server is removed first, and what others took stays", async (t) => {
  const server = fakeServer({ data });
  server.snapshots.set("bramble-backup-pi-1-1", { bytes: data, time: 1 });
  server.snapshots.set("etcd-snapshot-pi-1-2", { bytes: data, time: 2 });
  await (await trial(t, { "pi-1": server })).backUp();
  t.is(server.commands[0], "delete bramble-backup-pi-1-1");
  t.deepEqual([...server.snapshots.keys()], ["etcd-snapshot-pi-1-2"]);
});

test("the token's generation is the one that the snapshot needs", async (t) => {
  const later = { ...site, k3s: { ...site.k3s, tokenGeneration: 3 } };
  const { tokens } = deriveSiteKeys(exampleRootSecret, later);
  const second = tokens.find(({ generation }) => generation === 2)?.server ?? "";
  // The server has the third by now; its scheduled snapshot is older.
  const server = fakeServer();
  server.look = { ...server.look, tokenDigest: sha256(tokens[0]?.server ?? "") };
  server.snapshots.set("etcd-snapshot-pi-1-9", { bytes: exampleSnapshot("old", 5000, second), time: 9 });
  const made = await (await trial(t, { "pi-1": server }, later)).backUp({ latestScheduled: true });
  t.is(parseManifest(await readFile(join(made, "manifest.json"), "utf8"), made).tokenGeneration, 2);
});

test("a snapshot that names no token needs the one that the server has", async (t) => {
  const server = fakeServer({ data: bytesOf("no key", 5000) });
  const made = await (await trial(t, { "pi-1": server })).backUp();
  t.is(parseManifest(await readFile(join(made, "manifest.json"), "utf8"), made).tokenGeneration, 1);
});

test("a snapshot under a token that the site does not know is no backup", async (t) => {
  const server = fakeServer({ data: exampleSnapshot("today", 5000, "somebody else's") });
  const { backUp, directory } = await trial(t, { "pi-1": server });
  const error = await t.throwsAsync(backUp(), { instanceOf: UserError, message: /none of this site's last 1/ });
  t.regex(error.message, /k3s\.tokenGeneration/);
  t.deepEqual(
    (await readdir(directory)).filter((name) => !name.startsWith(".")),
    [],
  );
});

test("a backup that was cut off goes on: only what is missing is asked for", async (t) => {
  const size = 200;
  const data = exampleSnapshot("today", size * blockSize);
  const server = fakeServer({ data });
  let reads = 0;
  server.beforeRead = () => {
    reads += 1;
    if (reads > 2) throw new NodeUnavailable(endpointOf(site, "pi-1", keys), "unreachable", { midway: true });
  };
  const { backUp, directory, said } = await trial(t, { "pi-1": server });
  await t.throwsAsync(backUp(), { instanceOf: NodeUnavailable });
  t.deepEqual(
    (await readdir(directory)).filter((name) => !name.startsWith(".")),
    [],
    "nothing half has a name",
  );
  const had = server.read.length;
  t.true(had > 0 && had < size);

  server.beforeRead = () => undefined;
  const made = await backUp();
  t.true((await readFile(join(made, "snapshot"))).equals(data));
  t.is(server.read.length, size, "no block was read twice");
  t.true(said.some((line) => line.includes("lay here already")));
  t.deepEqual(await readdir(directory), ["2026-11-25T12-00-02Z"], "what was cut off is gone");
});

test("of the next backup, only the blocks that changed come over the link", async (t) => {
  const server = fakeServer({ data });
  const { backUp } = await trial(t, { "pi-1": server });
  await backUp();
  server.read.length = 0;
  const changed = Buffer.from(data);
  changed.write("changed", 7 * blockSize + 5);
  changed.write("changed", 30 * blockSize);
  server.data = changed;
  t.true((await readFile(join(await backUp(), "snapshot"))).equals(changed));
  t.deepEqual(server.read, [7, 30]);
});

test("bytes that change on their way are refused", async (t) => {
  const server = fakeServer({ data });
  server.beforeRead = () => {
    for (const file of server.snapshots.values()) file.bytes = bytesOf("another", data.length);
  };
  const { backUp, directory } = await trial(t, { "pi-1": server });
  await t.throwsAsync(backUp(), { instanceOf: UserError, message: /does not arrive as it is there/ });
  t.deepEqual(
    (await readdir(directory)).filter((name) => !name.startsWith(".")),
    [],
  );
});

test("an interrupted backup has no name", async (t) => {
  const controller = new AbortController();
  const server = fakeServer({ data });
  server.beforeRead = () => {
    controller.abort(new Error("interrupted"));
  };
  const { backUp, directory } = await trial(t, { "pi-1": server });
  await t.throwsAsync(backUp({ signal: controller.signal }), { message: "interrupted" });
  t.deepEqual(
    (await readdir(directory)).filter((name) => !name.startsWith(".")),
    [],
  );
});

test("where no API answers, it is said how to take what is there", async (t) => {
  const { backUp } = await trial(t, { "pi-1": fakeServer({ live: false }) });
  const error = await t.throwsAsync(backUp(), { instanceOf: UserError, message: /no server's API answers/ });
  t.regex(error.message, /npm run backup -- barn --latest-scheduled/);
});

test("what K3s says when it takes no snapshot is passed on", async (t) => {
  const { backUp } = await trial(t, { "pi-1": fakeServer() });
  const error = await t.throwsAsync(backUp(), { instanceOf: UserError });
  t.regex(error.message, /pi-1: no snapshot was taken.*no space left on device/s);
});

test("a server without its K3s makes no backup that nobody could restore", async (t) => {
  const server = fakeServer({ data });
  server.look = { ...server.look, version: null };
  const { backUp } = await trial(t, { "pi-1": server });
  await t.throwsAsync(backUp(), { instanceOf: UserError, message: /no K3s that says its version/ });
  t.deepEqual(server.read, [], "and nothing was fetched for it");
});

test("a backup is made, even where its snapshot cannot be removed", async (t) => {
  const server = fakeServer({ data });
  const { backUp, said } = await trial(t, { "pi-1": server });
  const made = backUp();
  server.snapshots.delete = () => {
    throw new UserError({ what: "the snapshot of a backup stays there", next: "nothing" });
  };
  t.true((await readFile(join(await made, "snapshot"))).equals(data));
  t.true(said.some((line) => line.includes("stays there")));
});

test("the newest scheduled snapshot of those servers that answer is fetched, and stays where it is", async (t) => {
  const [old, newest, gone] = [
    fakeServer({ live: false }),
    fakeServer({ live: false }),
    fakeServer({ reachable: false }),
  ];
  old.snapshots.set("etcd-snapshot-pi-1-100", { bytes: bytesOf("old", 100), time: 100 });
  newest.snapshots.set("etcd-snapshot-pi-2-200", { bytes: data, time: 200 });
  newest.snapshots.set("etcd-snapshot-pi-2-300.part", { bytes: data, time: 300 });
  newest.snapshots.set("etcd-snapshot-pi-2-400.zip", { bytes: data, time: 400 });
  newest.snapshots.set("bramble-before-upgrade-pi-2-500", { bytes: bytesOf("other", 100), time: 500 });
  gone.snapshots.set("etcd-snapshot-pi-3-600", { bytes: bytesOf("newer", 100), time: 600 });
  const { backUp, said } = await trial(t, { "pi-1": old, "pi-2": newest, "pi-3": gone }, threeServers);
  const made = await backUp({ latestScheduled: true });
  t.true((await readFile(join(made, "snapshot"))).equals(data));
  t.is(parseManifest(await readFile(join(made, "manifest.json"), "utf8"), made).server, "pi-2");
  t.deepEqual([...old.commands, ...newest.commands], []);
  t.true(said.some((line) => line.startsWith("pi-3: no answer")));
});

test("where there is no scheduled snapshot, it is said how one comes to be", async (t) => {
  const { backUp } = await trial(t, { "pi-1": fakeServer() });
  const error = await t.throwsAsync(backUp({ latestScheduled: true }), { instanceOf: UserError });
  t.regex(error.message, /k3s\.snapshots\.schedule: 0 \*\/6 \* \* \*/);
});
