import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { root } from "../../../../../stacks/root.ts";
import { renderDistributions } from "../../../../../scripts/lib/results/plots/distributions.ts";
import { renderEffects } from "../../../../../scripts/lib/results/plots/effects.ts";
import { renderLatencyLoad } from "../../../../../scripts/lib/results/plots/latency-load.ts";
import { renderPareto } from "../../../../../scripts/lib/results/plots/pareto.ts";
import { renderPrediction } from "../../../../../scripts/lib/results/plots/prediction.ts";
import { renderTimeLines } from "../../../../../scripts/lib/results/plots/time-lines.ts";
import { matchesGolden } from "../../../../golden.ts";
import { tagsOf } from "../tags.ts";
import { examplePlots } from "./example-plots.ts";

test("the plots are these, and the same each time", (t) => {
  const markup = () =>
    Object.entries(examplePlots())
      .map(([name, plot]) => `<!-- ${name} -->\n${plot.markup}\n`)
      .join("");
  matchesGolden(t, "plots.html", markup());
  t.is(markup(), markup());
});

test("a plot without data says in one sentence why it is missing", (t) => {
  const sides = [{ index: 0, label: "one" }];
  const where = { side: 0, scenario: "chat" };
  const distribution = { id: "d", label: "Decode rate, tokens/s", unit: "tokens/s", sides };
  for (const plot of [
    renderEffects([{ side: 1, label: "chat", ratio: null, interval: null, decided: true }], 0.05),
    renderDistributions({ ...distribution, blocks: [{ side: 0, block: 0, figure: null, samples: [], raw: null }] }),
    renderLatencyLoad(sides, [
      { ...where, work: "w", load: "1 user", offered: 1, throughput: 9, timeToFirstToken: null, endToEnd: null },
    ]),
    renderPareto(sides, [
      { side: 0, label: "one", accuracy: null, interval: null, decodeRate: 9, joulesPerToken: 1, onFront: null },
    ]),
    renderPrediction(sides, [{ ...where, predicted: null, measured: 9 }]),
    renderTimeLines(sides, []),
  ])
    t.regex(plot.markup.trim(), /^<p class="no-plot">[A-Z][^.<]*\.<\/p>$/);
});

test("no name breaks out of the markup", (t) => {
  const harmless = Object.values(examplePlots()).map(({ markup }) => tagsOf(markup));
  const hostile = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.constantFrom(`"><script>`, `' onload='x`, `</title></svg><b>`, `]]>`, `&lt;`, "${1}"),
  );
  fc.assert(
    fc.property(hostile, (name) => {
      const plots = Object.values(examplePlots((text) => name + text));
      t.deepEqual(
        plots.map(({ markup }) => tagsOf(markup)),
        harmless,
      );
    }),
  );
});

test("every colour that text has can be read on every ground, by day and by night", (t) => {
  const style = readFileSync(join(root, "scripts/lib/results/report.css"), "utf8");
  const schemes = [...style.matchAll(/:root \{([^}]*)\}/g)].map(
    ([, block = ""]) =>
      new Map(
        [...block.matchAll(/--([a-z0-9-]+): (#[0-9a-f]{6});/g)].map(([, name = "", value = ""]) => [name, value]),
      ),
  );
  t.is(schemes.length, 2);
  for (const colours of schemes)
    for (const text of ["ink", "soft", "warning", "side-0", "side-1", "side-2", "side-3", "side-4"])
      for (const ground of ["ground", "panel"])
        t.true(contrast(colours.get(text) ?? "", colours.get(ground) ?? "") >= 4.5, `${text} on ${ground}`);
});

/** WCAG 2.2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(one: string, other: string): number {
  const luminance = (colour: string) =>
    [0.2126, 0.7152, 0.0722]
      .map((weight, index) => {
        const share = parseInt(colour.slice(1 + 2 * index, 3 + 2 * index), 16) / 255;
        return weight * (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
      })
      .reduce((sum, part) => sum + part, 0);
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}
