import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { z } from "zod";
import { renderJsonSchema } from "../../../stacks/config/json-schema.ts";
import { parseStackConfig, type StackConfig } from "../../../stacks/config/parse.ts";
import { root } from "../../../stacks/root.ts";
import { UserError } from "../../../stacks/user-error.ts";

const stackFile = z.object({ config: z.record(z.string(), z.unknown()) });

function parseFixture(text: string): StackConfig {
  const { config } = stackFile.parse(parse(text));
  return parseStackConfig("fixture", { site: config["bramble:site"], experiment: config["bramble:experiment"] });
}

function fixtures(folder: "valid" | "invalid"): { name: string; text: string }[] {
  const directory = join(root, "test", "fixtures", folder);
  return readdirSync(directory)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => ({ name, text: readFileSync(join(directory, name), "utf8") }));
}

for (const { name, text } of fixtures("valid")) {
  test(`valid: ${name}`, (t) => {
    t.is(parseFixture(text).kind, name.startsWith("site") ? "site" : "experiment");
  });
}

for (const { name, text } of fixtures("invalid")) {
  test(`invalid: ${name}`, (t) => {
    const expected = [...text.matchAll(/^# expect: (.+)$/gm)].map(([, message]) => message ?? "");
    t.true(expected.length > 0, "the fixture says what it expects");
    const error = t.throws(() => parseFixture(text), { instanceOf: UserError });
    for (const message of expected) t.true(error.message.includes(message), `${message}\nis not in:\n${error.message}`);
    const count = Number(/(\d+) errors/.exec(error.message)?.[1] ?? 1);
    t.is(count, expected.length, `nothing else is wrong:\n${error.message}`);
    t.regex(error.message, /\n {2}Next: /);
  });
}

test("defaults are filled in", (t) => {
  const text = readFileSync(join(root, "test", "fixtures", "valid", "site-minimal.yaml"), "utf8");
  const config = parseFixture(text);
  t.is(config.kind, "site");
  if (config.kind !== "site") return;
  t.deepEqual(config.site.timeouts, { boot: 300, connect: 4, silence: 15, probe: 10 });
  t.is(config.site.nodes["pi-1"]?.generation, 1);
});

test("the JSON Schema for editors is in step with the zod schemas (npm run schema)", (t) => {
  t.is(readFileSync(join(root, "stacks", "config", "schema.json"), "utf8"), renderJsonSchema());
});
