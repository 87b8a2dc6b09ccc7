import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { parseManifest, type BackupManifest } from "../../../../scripts/lib/backup/manifest.ts";
import { restoreSite } from "../../../../scripts/lib/backup/restore-site.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { bytesOf, keys, site, writeBackup } from "./example-backup.ts";
import { emptyServer, fakeServer, fakeSurroundings, type FakeServer } from "./fake-servers.ts";

const piece = 4 << 20;
const snapshot = bytesOf("snapshot", piece + 1000);

async function trial(
  t: ExecutionContext,
  server: FakeServer,
  {
    changes = {},
    answers = ["barn\n"],
    yes = false,
  }: { changes?: Partial<BackupManifest>; answers?: string[]; yes?: boolean } = {},
) {
  const backups = await mkdtemp(join(tmpdir(), "bramble-restore-"));
  t.teardown(() => rm(backups, { recursive: true }));
  const directory = join(backups, "barn", "2026-11-25T12-00-00Z");
  const manifest = await writeBackup(directory, snapshot, changes);
  const surroundings = fakeSurroundings({ "pi-1": server }, { backups, answers });
  return {
    directory,
    manifest,
    text: surroundings.terminal.text,
    restore: () =>
      restoreSite({ stack: "barn", site, keys, directory, yes }, surroundings, new AbortController().signal),
  };
}

test("a backup is put on an empty server once the site's name was typed", async (t) => {
  const server = emptyServer();
  const { restore, manifest, text } = await trial(t, server, {
    changes: { nodes: { "pi-1": { role: "server", generation: 1 }, "pi-9": { role: "agent", generation: 1 } } },
  });
  await restore();
  t.true(server.restored?.snapshot.equals(snapshot));
  t.deepEqual(parseManifest(server.restored?.manifest ?? "", "there"), manifest);
  t.deepEqual(server.received, [0, piece]);
  t.regex(text(), /Site barn as it was on 2025-11-24T16:00:00\.000Z: a snapshot of pi-1, K3s v1\.34\.2\+k3s1/);
  t.regex(text(), /It knows pi-9, which the configuration does not/);
  t.regex(text(), /Next: npm run up -- barn/);
});

for (const answer of ["pi-1\n", "y\n", "\n"])
  test(`${JSON.stringify(answer)} confirms nothing`, async (t) => {
    const server = emptyServer();
    const { restore } = await trial(t, server, { answers: [answer] });
    await t.throwsAsync(restore(), { instanceOf: UserError, message: /not confirmed; nothing was changed/ });
    t.deepEqual(server.received, []);
  });

test("with --yes nobody is asked", async (t) => {
  const server = emptyServer();
  const { restore, text } = await trial(t, server, { yes: true, answers: [] });
  await restore();
  t.true(server.restored?.snapshot.equals(snapshot));
  t.notRegex(text(), /Type the site's name/);
});

test("a restore that was cut off goes on where it was", async (t) => {
  const server = emptyServer({ part: snapshot.subarray(0, piece) });
  await (await trial(t, server)).restore();
  t.deepEqual(server.received, [piece]);
  t.true(server.restored?.snapshot.equals(snapshot));
});

for (const [what, part] of [
  ["of another backup", bytesOf("another", piece)],
  ["longer than the snapshot", Buffer.concat([snapshot, Buffer.from("more")])],
] as const)
  test(`what lies there ${what} is overwritten`, async (t) => {
    const server = emptyServer({ part });
    await (await trial(t, server)).restore();
    t.deepEqual(server.received, [0, piece]);
    t.true(server.restored?.snapshot.equals(snapshot));
  });

const refused: readonly [string, FakeServer, RegExp][] = [
  ["a cluster that answers", fakeServer(), /the cluster answers on pi-1.*npm run up -- barn/s],
  ["a server with data", fakeServer({ live: false }), /pi-1 holds data/],
  [
    "a data disk with data",
    emptyServer({ look: { ...emptyServer().look, disk: "data" } }),
    /data disk of pi-1 holds data/,
  ],
  ["a data disk that is away", emptyServer({ look: { ...emptyServer().look, disk: "absent" } }), /not plugged in/],
  ["a server that does not answer", emptyServer({ reachable: false }), /pi-1 holds data is not known: no answer/],
];
for (const [what, server, message] of refused)
  test(`${what} is in the way, and nobody is asked`, async (t) => {
    const { restore, text } = await trial(t, server);
    await t.throwsAsync(restore(), { instanceOf: UserError, message });
    t.deepEqual(server.received, []);
    t.notRegex(text(), /Type/);
  });

test("a data disk that is empty is in nobody's way", async (t) => {
  const server = emptyServer({ look: { ...emptyServer().look, disk: "empty" } });
  await (await trial(t, server)).restore();
  t.true(server.restored?.snapshot.equals(snapshot));
});

test("all that the configuration must say otherwise is said at once, before any server is asked", async (t) => {
  const { restore } = await trial(t, emptyServer({ reachable: false }), {
    changes: { tokenGeneration: 4, k3sVersion: "v1.33.1+k3s1" },
  });
  const error = await t.throwsAsync(restore(), { instanceOf: UserError, message: /nothing was restored/ });
  t.regex(error.message, /generation 4.*k3s\.tokenGeneration to 4.*v1\.33\.1.*k3s\.version to v1\.33\.1/s);
});

test("a snapshot that is not its manifest's is refused", async (t) => {
  const server = emptyServer();
  const { restore, directory } = await trial(t, server);
  await truncate(join(directory, "snapshot"), 1000);
  await t.throwsAsync(restore(), { instanceOf: UserError, message: /is not the snapshot that its manifest tells of/ });
  const damaged = Buffer.from(snapshot);
  damaged.write("!");
  await writeFile(join(directory, "snapshot"), damaged);
  await t.throwsAsync(restore(), { instanceOf: UserError, message: /is not the snapshot that its manifest tells of/ });
  t.deepEqual(server.received, []);
  t.true((await readFile(join(directory, "snapshot"))).equals(damaged), "and nothing was done to it");
});

test("a directory that is no backup says what is missing", async (t) => {
  const { restore, directory } = await trial(t, emptyServer());
  await rm(join(directory, "manifest.json"));
  const error = await t.throwsAsync(restore(), { instanceOf: UserError, message: /manifest\.json.*cannot be read/s });
  t.regex(error.message, /backups\/<site>\/<time>/);
});
