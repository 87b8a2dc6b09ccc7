import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { siteSchema } from "../../stacks/config/site.ts";
import { root } from "../../stacks/root.ts";
import { renderNginxConfig } from "../../twin/registry-servers.ts";

const page = readFileSync(join(root, "docs", "offline.md"), "utf8");

test("every command on the page exists, with the flags that the page gives it", (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const commands = [...page.matchAll(/npm run ([a-z]+)(?: -- ([^`#\n]*))?/g)];
  t.true(commands.length > 5);
  for (const [, script = "", args = ""] of commands) {
    t.true(Object.hasOwn(scripts, script), script);
    const source = ["", "lib/"].map((folder) =>
      join(root, "scripts", folder, folder === "" ? `${script}.ts` : `${script}/command.ts`),
    );
    const text = source.map((file) => (existsSync(file) ? readFileSync(file, "utf8") : "")).join("\n");
    for (const [, flag = ""] of args.matchAll(/--([a-z-]+)/g))
      t.regex(text, new RegExp(`\n +"?${flag}"?: \\{ type: `), `npm run ${script} -- --${flag}`);
  }
});

test("the site on the page is one that the configuration takes, once its digests are filled in", (t) => {
  const [block = ""] = /(?:^ {4}.*\n)+/m.exec(page.slice(page.indexOf("by image and digest:"))) ?? [];
  const text = block
    .replace(/^ {4}/gm, "")
    .replaceAll("sha256: ...", `sha256: ${"a".repeat(64)}`)
    .replaceAll("@sha256:...", `@sha256:${"b".repeat(64)}`);
  const site = siteSchema.safeParse({
    name: "barn",
    network: { prefix: 24, gateway: "192.168.7.1" },
    nodes: { "pi-1": { role: "server", address: "192.168.7.11" } },
    ...(parse(text) as object),
  });
  t.true(site.success, site.error?.message);
});

test("the registry on the page is the one that the twin runs", (t) => {
  const twin = renderNginxConfig({ address: "5000", directory: "/srv" });
  for (const line of [
    "location ~ ^/v2/.+/blobs/sha256: {",
    "add_header Location $request_uri;",
    "proxy_buffering off;",
  ]) {
    t.true(page.includes(line), line);
    t.true(twin.includes(line), line);
  }
});
