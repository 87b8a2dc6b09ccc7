import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ExecutionContext } from "ava";
import type { Page } from "playwright-core";
import { compare } from "../../../../scripts/compare.ts";
import { renderReport } from "../../../../scripts/lib/results/report-html.ts";
import {
  accessibilityFaults,
  focusable,
  keepScreenshot,
  openBrowser,
  openFile,
  tabThrough,
  views,
} from "../../../browser.ts";
import { testWithTools } from "../../../with-tools.ts";
import { exampleReport, writeReport } from "./example-report.ts";
import { emptyResults, inTurn, sealSynthetic, syntheticPlan, syntheticVariant } from "./synthetic-run.ts";

const desk = { width: 1280, colorScheme: "light" } as const;

/** A report in a results directory that holds what it links to. */
async function report(t: ExecutionContext, count: 2 | 3 | 5): Promise<string> {
  const { comparison, plots } = exampleReport(count);
  return await writeReport(await emptyResults(t), comparison, renderReport(comparison, plots));
}

/** The report of a comparison of sealed runs, in whose second stack the board became hot and slow. */
async function comparedReport(t: ExecutionContext): Promise<string> {
  const layout = await emptyResults(t);
  const variants = { base: { ...syntheticVariant, threads: 2 } };
  await sealSynthetic(layout, "threads-1", syntheticPlan({ blocks: 9 }), { start: inTurn(0) });
  const samples = () => probeSamples(inTurn(1)(0), inTurn(1)(9));
  await sealSynthetic(layout, "threads-2", syntheticPlan({ variants, blocks: 9 }), {
    start: inTurn(1),
    rate: () => 60,
    samples,
  });
  const { report } = await compare(["threads-1", "threads-2", "--paper", "--allow", "throttled"], layout);
  if (report === null) throw new Error("no report was written");
  return report;
}

/** A sample each second; throttled in the last third. */
function probeSamples(from: number, to: number): string {
  const lines = Array.from({ length: (to - from) / 1000 }, (_, second) => {
    const share = (second * 1000) / (to - from);
    const at = from + second * 1000;
    return JSON.stringify({
      ...{ at, up: at, cpu: 1, memory: { total: 2, available: 1 }, cgroups: {}, frequency: 2.4e9 },
      ...{ temperature: 50 + 35 * share, throttled: share > 0.66 ? 4 : 0, fan: null, watts: 6 + share },
    });
  });
  return lines.map((line) => `${line}\n`).join("");
}

/** Nothing is wrong for axe-core, and nothing is wider than the page. */
async function isReadable(t: ExecutionContext, page: Page): Promise<void> {
  t.deepEqual(await accessibilityFaults(page), []);
  t.is(await page.evaluate("document.documentElement.scrollWidth"), page.viewportSize()?.width);
}

/** Opens every part that is folded: what is in it has to be readable as well. */
const unfold = (page: Page) =>
  page.evaluate(`document.querySelectorAll("details").forEach((details) => { details.open = true; })`);

for (const count of [3, 5] as const)
  testWithTools(
    ["chromium"],
    `a report of ${count} sides is readable on a desk and a phone, by day and by night`,
    async (t) => {
      const file = await report(t, count);
      const browser = await openBrowser(t);
      for (const view of views) {
        const { page, complaints, requests } = await openFile(browser, file, view);
        t.log(await keepScreenshot(page, `report-${count}-sides-${view.width}-${view.colorScheme}`));
        await isReadable(t, page);
        t.deepEqual([complaints, requests], [[], []]);
        await page.close();
      }
    },
  );

testWithTools(["chromium"], "what is folded is as readable once it is open", async (t) => {
  const file = await report(t, 2);
  const browser = await openBrowser(t);
  for (const view of views) {
    const { page } = await openFile(browser, file, view);
    await unfold(page);
    await isReadable(t, page);
    await page.close();
  }
});

testWithTools(["chromium"], "every link leads somewhere, and opens what is folded around its target", async (t) => {
  const file = await comparedReport(t);
  const { page } = await openFile(await openBrowser(t), file, desk);
  const links = await page.evaluate<string[]>(`[...document.links].map((link) => link.getAttribute("href"))`);
  t.log(await keepScreenshot(page, "report-compared"));
  t.true(links.some((link) => link.startsWith("#")) && links.some((link) => link.endsWith("/raw/block-5.ndjson")));
  for (const link of new Set(links)) {
    if (link.startsWith("https://")) continue;
    if (!link.startsWith("#")) {
      t.true(existsSync(join(dirname(file), decodeURIComponent(link))), link);
      continue;
    }
    await page.evaluate(`document.querySelector('a[href="${link}"]').click()`);
    t.true(await page.locator(link).isVisible(), link);
  }
});

testWithTools(["chromium"], "the Tab key reaches everything in order, and its focus is seen", async (t) => {
  const { page } = await openFile(await openBrowser(t), await report(t, 3), desk);
  await unfold(page);
  const all = await focusable(page);
  t.true(all.length > 20);
  const stops = await tabThrough(page, all.length);
  t.deepEqual(
    stops.map(({ name }) => name),
    all,
  );
  t.deepEqual(
    stops.filter(({ seen }) => !seen),
    [],
  );
});
