import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { z } from "zod";
import { root } from "../../stacks/root.ts";

const page = readFileSync(join(root, "docs", "first-site.md"), "utf8");
const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));

/** Every `npm run` on the page, in blocks and in sentences, with its arguments. */
const commands = [...page.matchAll(/npm run (?:--silent )?([a-z:]+)(?: -- ([^`|\n>)]*))?/g)].map(
  ([, script = "", args = ""]) => ({ script, args: args.trim().split(/\s+/).filter(Boolean) }),
);

/** Flags of the Pulumi CLI that the page may use. */
const pulumiFlags = ["--stack", "--secret", "--show-secrets"];

/** The source of a script and of the command that it starts. */
function sourceOf(script: string): string {
  const files = [`scripts/${script}.ts`, `scripts/lib/${script}/command.ts`].map((file) => join(root, file));
  return files.map((file) => (existsSync(file) ? readFileSync(file, "utf8") : "")).join("\n");
}

test("every command on the page exists", (t) => {
  t.true(commands.length > 20);
  for (const { script } of commands) t.true(Object.hasOwn(scripts, script), `npm run ${script}`);
});

test("every flag on the page is one of its command's", (t) => {
  for (const { script, args } of commands)
    for (const flag of args.filter((argument) => argument.startsWith("--")))
      if (script === "pulumi") t.true(pulumiFlags.includes(flag), `pulumi ${flag}`);
      else
        t.regex(sourceOf(script), new RegExp(`\\n +"?${flag.slice(2)}"?: \\{ type: `), `npm run ${script} -- ${flag}`);
});

test("every flag that is told of by itself is one of flash's", (t) => {
  const alone = [...page.matchAll(/`(--[a-z-]+)`/g)].map(([, flag = ""]) => flag);
  t.deepEqual([...new Set(alone)].sort(), ["--replace", "--size-ok", "--yes"]);
  for (const flag of alone) t.true(sourceOf("flash").includes(`  ${flag} `), flag);
});

test("every file of the project that the page names is there", (t) => {
  const named = [...page.matchAll(/(?:^|[\s`(])((?:examples|stacks|docs|scripts|twin)\/[\w./$-]+)/gm)].map(
    ([, file = ""]) => file.replace("$name", "barn-threads-1"),
  );
  t.true(named.length >= 4);
  for (const file of named) t.true(existsSync(join(root, file)), file);
});

/** All that Bramble can print on the way to a site. */
const sources = ["stacks", "scripts"]
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile() && /\.(ts|py|sh)$/.test(entry.name))
  .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
  .join("\n");

test("every message that the page explains is one that Bramble prints", (t) => {
  const [, section = ""] = /## When something is wrong\n([^]*?)\n## /.exec(page) ?? [];
  const messages = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, message = ""]) => message);
  t.true(messages.length > 10);
  for (const message of messages) {
    // What stands for a name, an address or a number comes from elsewhere.
    const pieces = message
      .split(/\s*(?:\.\.\.|\/dev\/\w+|\bpi-\d\b|\bbarn\b|\b\d[\d.:]*(?: mA)?)\s*/)
      .filter((piece) => piece.length > 3);
    t.true(pieces.length > 0, message);
    for (const piece of pieces) t.true(sources.includes(piece), `"${piece}" of "${message}"`);
  }
});
