import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { median } from "simple-statistics";
import { comparePairs, rounded, type Paired } from "./paired.ts";

const pairs = 10;

/** How a page opened: seconds from the navigation's beginning. */
interface Opening {
  readonly load: number;
  readonly firstContentfulPaint: number;
}

/** How long a file takes to open, in turns with a page that holds one word. Seconds. */
export async function openInTurns(
  browser: Browser,
  file: string,
  directory: string,
): Promise<Paired & { readonly firstContentfulPaint: number; readonly kilobytes: number }> {
  const empty = join(directory, "empty.html");
  await writeFile(empty, `<!doctype html><html lang="en"><head><title>Empty</title></head><body>Empty</body></html>\n`);
  // The first page waits for the browser's own start.
  await openOnce(browser, empty);
  const openings: { value: Opening; baseline: Opening }[] = [];
  for (let pair = 0; pair < pairs; pair += 1)
    openings.push({ value: await openOnce(browser, file), baseline: await openOnce(browser, empty) });
  return {
    ...comparePairs(openings.map(({ value, baseline }) => ({ value: value.load, baseline: baseline.load }))),
    firstContentfulPaint: rounded(median(openings.map(({ value }) => value.firstContentfulPaint))),
    kilobytes: Math.round((await stat(file)).size / 1000),
  };
}

/** In a context of its own, whose caches are empty. */
async function openOnce(browser: Browser, file: string): Promise<Opening> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  try {
    const page = await context.newPage();
    await page.goto(`file://${file}`);
    return await page.evaluate<Opening>(`new Promise((resolve) => {
      new PerformanceObserver((list) => {
        const paint = list.getEntriesByName("first-contentful-paint")[0];
        if (paint === undefined) return;
        const { loadEventEnd } = performance.getEntriesByType("navigation")[0];
        resolve({ load: loadEventEnd / 1000, firstContentfulPaint: paint.startTime / 1000 });
      }).observe({ type: "paint", buffered: true });
    })`);
  } finally {
    await context.close();
  }
}
