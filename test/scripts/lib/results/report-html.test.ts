import test from "ava";
import fc from "fast-check";
import { HtmlValidate } from "html-validate";
import { renderReport } from "../../../../scripts/lib/results/report-html.ts";
import { matchesGolden } from "../../../golden.ts";
import { exampleReport } from "./example-report.ts";
import { tagsOf } from "./tags.ts";

function render(count: 2 | 3): string {
  const { comparison, plots } = exampleReport(count);
  return renderReport(comparison, plots);
}

for (const count of [2, 3] as const)
  test(`a report of ${count} sides is this, is valid HTML, and is the same each time`, async (t) => {
    const report = render(count);
    matchesGolden(t, `report-${count}.html`, report);
    t.is(render(count), report);
    t.deepEqual(await faults(report), []);
  });

test("a report runs nothing, fetches nothing, and is let do neither", (t) => {
  const report = render(2);
  t.true(report.includes(`content="default-src 'none'; style-src 'unsafe-inline'"`));
  t.notRegex(report, /<(script|link|img|iframe|object|embed|form|base)\b|\s(on[a-z]+|src|style)=|url\(|@import/);
});

test("no text from outside breaks out of the markup", (t) => {
  const { comparison, plots } = exampleReport(3);
  const harmless = tagsOf(render(3));
  const hostile = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.constantFrom(`"><script>`, `' onload='x`, `</style></title><b>`, "<!--", "&lt;", "${1}", "$&"),
  );
  fc.assert(
    fc.property(hostile, (text) => {
      t.deepEqual(tagsOf(renderReport(poison(comparison, text), poison(plots, text))), harmless);
    }),
    { numRuns: 30 },
  );
});

/** Puts a text before every text of what is reported, but for those that name one of a fixed set. */
function poison<T>(value: T, text: string, key = ""): T {
  const fixed = ["metric", "unit", "evidence", "verdict", "kind", "quantile", "place"];
  // Only what begins like an address becomes a link.
  if (key === "address" && typeof value === "string") return (value + text) as T;
  if (typeof value === "string") return (fixed.includes(key) ? value : text + value) as T;
  if (value instanceof Map)
    return new Map([...value].map(([name, inner]: [string, unknown]) => [text + name, poison(inner, text)])) as T;
  if (value instanceof Set || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((inner: unknown) => poison(inner, text, key)) as T;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, poison(inner as unknown, text, name)]),
  ) as T;
}

/** What breaks the standard. How a tag is spelt is Prettier's matter. */
async function faults(document: string): Promise<string[]> {
  const spelling = ["doctype-style", "void-style", "no-trailing-whitespace"];
  const rules = Object.fromEntries(spelling.map((rule) => [rule, "off" as const]));
  const { results } = await new HtmlValidate({ extends: ["html-validate:recommended"], rules }).validateString(
    document,
  );
  return results.flatMap(({ messages }) =>
    messages.map(({ line, ruleId, message }) => `${line} ${ruleId}: ${message}`),
  );
}
