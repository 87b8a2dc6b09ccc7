import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { z } from "zod";
import { root } from "../../stacks/root.ts";

const page = readFileSync(join(root, "docs", "backup.md"), "utf8");
const source = (file: string) => readFileSync(join(root, file), "utf8");

test("every command on the page exists", (t) => {
  const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(source("package.json")));
  const named = [...page.matchAll(/npm run ([a-z:]+)/g)].map(([, script = ""]) => script);
  t.true(named.length > 10);
  for (const script of named) t.true(Object.hasOwn(scripts, script), `npm run ${script}`);
});

test("flags, settings and names on the page are what the sources have", (t) => {
  for (const [text, file] of [
    ["latest-scheduled", "scripts/lib/backup/command.ts"],
    ["BRAMBLE_DISCARD_RESULTS", "stacks/guard-destroy.ts"],
    ["final", "scripts/collect.ts"],
    ["bramble-before-upgrade", "stacks/k3s/snapshot-cluster.ts"],
    ["cluster-reset-restore-path", "stacks/k3s/bring-in.ts"],
    ["manifest.json", "scripts/lib/backup/manifest.ts"],
    ['"0 */6 * * *"', "stacks/config/k3s.ts"],
    ["secretsEncryption", "stacks/config/k3s.ts"],
    ["tokenGeneration", "stacks/config/k3s.ts"],
  ] as const) {
    t.true(page.includes(text), text);
    t.true(source(file).includes(text), `${text} in ${file}`);
  }
});

test("every page that it links to is there", (t) => {
  for (const [, file = ""] of page.matchAll(/\]\(([^)#]+)\)/g)) t.true(existsSync(join(root, "docs", file)), file);
});
