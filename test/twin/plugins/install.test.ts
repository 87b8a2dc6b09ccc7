import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { installOfflinePlugins } from "../../../twin/plugins/install.ts";

async function makeHome(): Promise<string> {
  return mkdtemp(join(tmpdir(), "pulumi home-")); // with a space
}

const command = "plugins/resource-command-v1.2.1/pulumi-resource-command";

test("the plugins lie where the engine looks, and what stands in for what is said", async (t) => {
  const home = await makeHome();
  t.teardown(() => rm(home, { recursive: true }));
  const lines = await installOfflinePlugins(home);
  t.is(lines.length, 3);
  t.true(lines.every((line) => /offline plugin twin\/plugins\/[a-z-]+\.ts stands in for Pulumi's pulumi-/.test(line)));
  t.deepEqual((await readdir(join(home, "plugins"), { recursive: true })).sort(), [
    "language-nodejs-v3.259.0",
    "language-nodejs-v3.259.0/pulumi-language-nodejs",
    "resource-command-v1.2.1",
    "resource-command-v1.2.1/pulumi-resource-command",
    "resource-kubernetes-v4.34.2",
    "resource-kubernetes-v4.34.2/pulumi-resource-kubernetes",
  ]);
});

test("again and twice at once change nothing; an old launcher is renewed; a broken download is cleared away", async (t) => {
  const home = await makeHome();
  t.teardown(() => rm(home, { recursive: true }));
  await Promise.all([installOfflinePlugins(home), installOfflinePlugins(home)]);
  const [text, before] = await Promise.all([readFile(join(home, command), "utf8"), stat(join(home, command))]);
  t.is(before.mode & 0o777, 0o755);
  await installOfflinePlugins(home);
  t.is((await stat(join(home, command))).ino, before.ino);
  await writeFile(join(home, command), text.replace(/exec .*/, "exec elsewhere"));
  await writeFile(join(home, "plugins/resource-command-v1.2.1.partial"), "");
  await installOfflinePlugins(home);
  t.is(await readFile(join(home, command), "utf8"), text);
  t.is((await readdir(join(home, "plugins"))).length, 3);
});

test("a real plugin stays", async (t) => {
  const home = await makeHome();
  t.teardown(() => rm(home, { recursive: true }));
  await mkdir(join(home, "plugins/resource-command-v1.2.1"), { recursive: true });
  await writeFile(join(home, command), "\x7fELF");
  const lines = await installOfflinePlugins(home);
  t.true(lines.includes("resource-command-v1.2.1: the real plugin is installed and is used"));
  t.is(await readFile(join(home, command), "utf8"), "\x7fELF");
});

test("a launcher starts its plugin, which says its port and nothing else", async (t) => {
  const home = await makeHome();
  t.teardown(() => rm(home, { recursive: true }));
  await installOfflinePlugins(home);
  const started = promisify(execFile)(join(home, command));
  started.child.stdout?.once("data", () => started.child.kill("SIGINT"));
  const { stdout, stderr } = await started;
  t.regex(stdout, /^\d+\n$/);
  t.is(stderr, "");
});
