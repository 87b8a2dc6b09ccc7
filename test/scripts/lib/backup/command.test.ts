import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { backup } from "../../../../scripts/lib/backup/command.ts";
import { restore } from "../../../../scripts/lib/backup/restore-command.ts";
import { UserError } from "../../../../stacks/user-error.ts";
import { exampleSnapshot, site } from "./example-backup.ts";
import { emptyServer, fakeServer, fakeSurroundings } from "./fake-servers.ts";

const session = { signal: new AbortController().signal };

async function directory(t: ExecutionContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "bramble-commands-"));
  t.teardown(() => rm(made, { recursive: true }));
  return made;
}

test("a backup that the one command makes, the other one restores", async (t) => {
  const backups = await directory(t);
  const data = exampleSnapshot("today", 200_000);
  const before = fakeSurroundings({ "pi-1": fakeServer({ data }) }, { backups });
  await backup(["barn"], session, before);
  t.regex(
    before.terminal.text(),
    /barn: backed up to .*\n {2}Next: copy it to another machine, with Pulumi\.barn\.yaml/,
  );
  const [name = ""] = await readdir(join(backups, "barn"));

  const server = emptyServer();
  const after = fakeSurroundings({ "pi-1": server }, { backups });
  await restore(["barn", join(backups, "barn", name), "--yes"], session, after);
  t.true(server.restored?.snapshot.equals(data));
});

test("it is said when a backup holds Secrets in clear", async (t) => {
  const surroundings = fakeSurroundings(
    { "pi-1": fakeServer({ data: exampleSnapshot("today", 1000) }) },
    { backups: await directory(t) },
  );
  const open = { ...site, k3s: { ...site.k3s, secretsEncryption: false } };
  const readSiteStack = async (stack: string) => ({ ...(await surroundings.readSiteStack(stack)), site: open });
  await backup(["barn"], session, { ...surroundings, readSiteStack });
  t.regex(surroundings.terminal.text(), /Secrets in clear/);
});

test("--help says all, and does nothing", async (t) => {
  for (const [command, word] of [
    [backup, "--latest-scheduled"],
    [restore, "--yes"],
  ] as const) {
    const surroundings = fakeSurroundings({}, { backups: "/nowhere" });
    await command(["--help"], session, surroundings);
    t.true(surroundings.terminal.text().includes(word));
    t.regex(surroundings.terminal.text(), /^Usage: npm run .*Exit codes: 0 .*; 1 /s);
  }
});

for (const [what, command, args, message] of [
  ["backup without a stack", backup, [], /name one site's stack/],
  ["backup of two stacks", backup, ["barn", "orchard"], /name one site's stack/],
  ["restore without a backup", restore, ["barn"], /one backup's directory/],
  ["restore of two backups", restore, ["barn", "a", "b"], /one backup's directory/],
] as const)
  test(`${what} is refused`, async (t) => {
    await t.throwsAsync(command(args, session, fakeSurroundings({}, { backups: "/nowhere" })), {
      instanceOf: UserError,
      message,
    });
  });

test("an unknown option is refused", async (t) => {
  await t.throwsAsync(backup(["barn", "--all"], session, fakeSurroundings({}, { backups: "/nowhere" })), {
    code: "ERR_PARSE_ARGS_UNKNOWN_OPTION",
  });
});
