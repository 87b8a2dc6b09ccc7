import test from "ava";
import fc from "fast-check";
import { parse } from "yaml";
import { renderYaml } from "../../../../stacks/cards/seed/yaml.ts";
import { hostile } from "../arbitrary-site.ts";

test("hostile strings come out as they went in, as keys too, with either version of YAML", (t) => {
  fc.assert(
    fc.property(hostile, hostile, (key, value) => {
      fc.pre(key !== "__proto__");
      const given = { [key]: value, list: [value, { [key]: key }] };
      for (const version of ["1.1", "1.2"] as const)
        t.deepEqual(parse(renderYaml(given), { version }) as unknown, given);
    }),
    { numRuns: 300 },
  );
});

test("a name that some parsers of YAML 1.1 take for a number stays a name", (t) => {
  t.is(renderYaml({ e42: "e42" }), '"e42": "e42"\n');
});

test("a value that stands twice is written twice", (t) => {
  const twice = ["a"];
  t.is(renderYaml({ one: twice, other: twice }), "one:\n  - a\nother:\n  - a\n");
});

test("nothing but ASCII is written, on lines of any length", (t) => {
  const text = renderYaml({ a: `\u{1f4a9}caf\u00e9 ${"long ".repeat(100)}` });
  t.regex(text, /^[\x20-\x7e]+\n$/);
});
