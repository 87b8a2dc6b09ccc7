import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { parseSite } from "../../stacks/config/parse.ts";
import { root } from "../../stacks/root.ts";

const page = readFileSync(join(root, "docs", "serving.md"), "utf8");
const blocks = [...page.matchAll(/(?:^ {4}.*\n)+/gm)].map(([block]) => block.replaceAll(/^ {4}/gm, ""));

test("its configuration is a site's", (t) => {
  const pieces = blocks.filter((block) => block.startsWith("bramble:site:"));
  t.is(pieces.length, 2);
  const served = Object.assign(
    {},
    ...pieces.map((block) => (parse(block) as Record<string, object>)["bramble:site"]),
  ) as object;
  const fixture = readFileSync(join(root, "test", "fixtures", "valid", "site-serving.yaml"), "utf8");
  const { config } = parse(fixture) as { config: { "bramble:site": object } };
  const site = parseSite("barn", { ...config["bramble:site"], ...served });
  t.truthy(site.models?.assistant);
  t.is(site.registry?.node, "pi-1");
  t.true(page.includes(`:${site.serving?.port ?? 0}/v1/chat/completions`));
});

test("every command and every file that it names is there", (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
  const named = [...page.matchAll(/npm run ([a-z:]+)/g)].map(([, script = ""]) => script);
  t.true(named.length >= 3);
  for (const script of named) t.true(Object.hasOwn(scripts, script), `npm run ${script}`);
  for (const [, file = ""] of page.matchAll(/`((?:workloads|stacks)\/[^`*]+)`/g))
    t.true(existsSync(join(root, file)), file);
});
