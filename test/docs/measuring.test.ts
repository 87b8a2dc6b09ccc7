import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { z } from "zod";
import { parseExperiment } from "../../stacks/config/parse.ts";
import { root } from "../../stacks/root.ts";
import { loadSuite } from "../../workloads/accuracy/suite.ts";

const page = readFileSync(join(root, "docs", "measuring.md"), "utf8");
const source = (file: string) => readFileSync(join(root, file), "utf8");

test("every command on the page exists, with its flags", (t) => {
  const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(source("package.json")));
  const named = [...page.matchAll(/npm run ([a-z:]+)/g)].map(([, script = ""]) => script);
  t.true(named.length > 8);
  for (const script of named) t.true(Object.hasOwn(scripts, script), `npm run ${script}`);
  for (const flag of ["again", "pause", "resume", "cancel"])
    t.true(source("scripts/up.ts").includes(`--${flag}`), flag);
  t.true(source("scripts/models.ts").includes("--update"));
});

test("its pieces of configuration are an experiment", (t) => {
  const blocks = [...page.matchAll(/(?:^ {4}.*\n)+/gm)].map(([block]) => block.replaceAll(/^ {4}/gm, ""));
  const pieces = blocks.filter((block) => !block.startsWith("npm ")).map((block) => parse(block) as object);
  t.is(pieces.length, 3);
  const experiment = { site: "barn", images: { ollama: "ollama/ollama:0.17.4", runner: "node:24" } };
  t.notThrows(() => parseExperiment("barn-sweep", Object.assign(experiment, ...pieces)));
});

test("the suite has as many items and kinds as it says", (t) => {
  const items = loadSuite("edge-operations");
  t.true(page.includes(`${items.length} items of seven kinds`), String(items.length));
  t.is(new Set(items.map(({ kind }) => kind)).size, 7);
});

test("every page and file that it names is there", (t) => {
  for (const [, file = ""] of page.matchAll(/\]\(([^)#]+)\)/g)) t.true(existsSync(join(root, "docs", file)), file);
  for (const [, file = ""] of page.matchAll(/`((?:workloads|stacks)\/[^`*]+)`/g))
    t.true(existsSync(join(root, file)), file);
});
