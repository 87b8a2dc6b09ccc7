import test from "ava";
import fc from "fast-check";
import type { Comparison } from "../../../../scripts/lib/results/comparison.ts";
import { renderMarkdown } from "../../../../scripts/lib/results/markdown.ts";
import { renderTable } from "../../../../scripts/lib/results/table.ts";
import { exampleComparison } from "./example-comparison.ts";

/** Figures of any size, in all places that hold one; names of any length and with any sign. */
function disguise(comparison: Comparison, names: readonly string[], figures: readonly (number | null)[]): Comparison {
  let place = 0;
  const next = <T>(from: readonly T[]) => from[place++ % from.length] as T;
  const named = new Set(["label", "scenario", "stack", "site", "reference", "sentence", "a caveat"]);
  const change = (value: unknown, key: string): unknown => {
    if (typeof value === "string" && named.has(key)) return next(names);
    if (typeof value === "number" && ["median", "ratio", "p50", "value", "decodeRate", "joulesPerToken"].includes(key))
      return next(figures);
    if (key === "quartiles" || key === "interval" || key === "predicted") {
      const ends = [next(figures), next(figures)];
      return ends.includes(null) ? null : ends;
    }
    if (key === "caveats" || key === "notes") return names;
    if (Array.isArray(value)) return value.map((one) => change(one, key));
    if (typeof value === "object" && value !== null)
      return Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name, isFixed(value, name) ? inner : change(inner, name)]),
      );
    return value;
  };
  // What a latency is called is no name of a person's choice.
  const isFixed = (value: object, name: string) => name === "label" && "quantile" in value;
  return change(comparison, "") as Comparison;
}

const names = fc.array(fc.oneof(fc.string({ minLength: 1, maxLength: 150, unit: "grapheme-ascii" }), fc.constantFrom("a|b", "<img src=x>", "@someone", "[a](b)", "n".repeat(130))), { minLength: 3, maxLength: 6 }); // prettier-ignore
const figures = fc.array(
  fc.oneof(
    fc.constant(null),
    fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
    fc.constantFrom(0, 99_999, 1e-5, 999.4, 0.0099),
  ),
  { minLength: 3, maxLength: 9 },
);

test("no line of the table is longer than 100 columns, whatever the names, figures and sides", async (t) => {
  const comparison = await exampleComparison(t);
  fc.assert(
    fc.property(names, figures, (someNames, someFigures) => {
      const disguised = disguise(comparison, someNames, someFigures);
      for (const line of renderTable(disguised).split("\n")) t.true(line.length <= 100, line);
    }),
  );
});

test("every row of a Markdown table has the cells of its head, whatever the names", async (t) => {
  const comparison = await exampleComparison(t);
  const cells = (line: string) => line.replaceAll(/\\./g, "").split("|").length;
  fc.assert(
    fc.property(names, figures, (someNames, someFigures) => {
      const text = renderMarkdown(disguise(comparison, someNames, someFigures));
      let head = 0;
      for (const line of text.split("\n")) {
        const row = line.startsWith("| ");
        if (row && head === 0) head = cells(line);
        if (row) t.is(cells(line), head, line);
        else head = 0;
      }
    }),
  );
});

test("names are no markup, mention or reference in Markdown", async (t) => {
  const comparison = disguise(await exampleComparison(t), ["<b>x</b> @someone #12 a|b `c` [d](e)"], [1]);
  const text = renderMarkdown(comparison);
  t.notRegex(text, /(?<!\\)<b>|@someone|#12|(?<!\\)`|(?<!\\)\[d/);
});
