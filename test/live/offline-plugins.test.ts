import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import test from "ava";
import { pulumiCli } from "../../scripts/lib/toolchain.ts";
import { root } from "../../stacks/root.ts";
import { installOfflinePlugins } from "../../twin/plugins/install.ts";

// The real engine over the offline plugins.
const run = promisify(execFile);

const program = (directory: string, text: string) => `
  import * as pulumi from "@pulumi/pulumi";
  import * as command from "@pulumi/command";
  console.log("the program speaks");
  const token = new pulumi.Config().requireSecret("token");
  const note = new command.local.Command("note", {
    create: "cat > ${directory}/note; echo ${text} >> ${directory}/note; echo ${text}",
    delete: "rm ${directory}/note",
    stdin: token,
  });
  export const said = note.stdout;
  export const plain = new command.local.Command("plain", { create: "echo ${text}" }).stdout;
`;

test("the real engine runs a stack on the offline plugins", async (t) => {
  const pulumi = await pulumiCli();
  t.timeout(180_000, "a dozen runs of the engine, of about 2 s each on a quiet machine");
  const directory = await mkdtemp(join(tmpdir(), "offline-plugins-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const project = join(directory, "project");
  await mkdir(join(directory, "state"), { recursive: true });
  await mkdir(project);
  await symlink(join(root, "node_modules"), join(project, "node_modules"));
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "probe", type: "module" }));
  const runtime = "{name: nodejs, options: {typescript: false, packagemanager: npm}}";
  await writeFile(join(project, "Pulumi.yaml"), `name: probe\nruntime: ${runtime}\nmain: main.ts\n`);
  t.is((await installOfflinePlugins(join(directory, "home"))).length, 3);
  const env = {
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    HOME: directory,
    PULUMI_HOME: join(directory, "home"),
    PULUMI_BACKEND_URL: `file://${join(directory, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "passphrase",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
  };
  const cli = async (...argv: string[]) => (await run(pulumi, argv, { cwd: project, env })).stdout;
  const up = async (text: string) => {
    await writeFile(join(project, "main.ts"), program(directory, text));
    return cli("up", "--yes", "--skip-preview", "--non-interactive", "--color=never");
  };

  await cli("stack", "init", "dev", "--non-interactive");
  await cli("config", "set", "--secret", "token", "s3cret\n");
  const first = await up("one");
  t.regex(first, /the program speaks/);
  t.regex(first, /\+ 3 created/);
  t.is(await readFile(join(directory, "note"), "utf8"), "s3cret\none\n");
  t.is((await cli("stack", "output", "plain")).trim(), "one");
  const state = await cli("stack", "export");
  t.notRegex(state, /s3cret/);
  t.regex(await up("one"), /3 unchanged/);
  t.regex(await up("two"), /~ 2 updated/);
  t.is(await readFile(join(directory, "note"), "utf8"), "s3cret\ntwo\n");
  t.regex(await cli("preview", "--non-interactive", "--color=never", "--refresh"), /3 unchanged/);
  const failed = await t.throwsAsync<Error & { stdout: string }>(up("three; exit 7"));
  t.regex(failed.stdout, /exit status 7/);
  t.regex(await up("four"), /updated/);
  t.regex(await cli("destroy", "--yes", "--skip-preview", "--non-interactive", "--color=never"), /- 3 deleted/);
  t.false(existsSync(join(directory, "note")));
});
