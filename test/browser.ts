import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import type { ExecutionContext } from "ava";
import type { Browser, Page } from "playwright-core";
import { openChromium } from "../scripts/lib/chromium.ts";
import { root } from "../stacks/root.ts";

/** How a page may be looked at: a desk and a phone, by day and by night. */
export const views = [1280, 390].flatMap((width) =>
  (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme })),
);

/** The Chromium on PATH, closed after the test. */
export async function openBrowser(t: ExecutionContext): Promise<Browser> {
  const places = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "chromium"));
  const browser = await openChromium(places.find((place) => existsSync(place)) ?? "chromium");
  t.teardown(() => browser.close());
  return browser;
}

/** Opens a file, and returns with the page whatever it complained of and asked for beyond itself. */
export async function openFile(
  browser: Browser,
  file: string,
  { width, colorScheme }: (typeof views)[number],
): Promise<{ page: Page; complaints: string[]; requests: string[] }> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  const [complaints, requests]: [string[], string[]] = [[], []];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(`file://${file}`);
  return { page, complaints, requests: requests.filter((url) => url !== `file://${file}`) };
}

const axeSource = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** What axe-core finds wrong, each in a line. All of its rules, best practices included. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(axeSource, "utf8"));
  return await page.evaluate<string[]>(`axe.run().then(({ violations }) => violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => [id, help, html, failureSummary].join(" | "))))`);
}

/** A stop on the way of the Tab key, in the order in which the page has it. */
interface Stop {
  readonly name: string;
  /** Whether an outline shows that it has the focus. */
  readonly seen: boolean;
}

/** Everything that can have the focus, in the page's order. */
export async function focusable(page: Page): Promise<string[]> {
  return await page.evaluate<string[]>(`[...document.querySelectorAll("a[href], summary, [tabindex]")]
    .filter((element) => element.checkVisibility())
    .map((element) => element.outerHTML.slice(0, 200))`);
}

/** Where the Tab key goes from the page's beginning, that many times. */
export async function tabThrough(page: Page, times: number): Promise<Stop[]> {
  const stops: Stop[] = [];
  for (let stop = 0; stop < times; stop += 1) {
    await page.keyboard.press("Tab");
    stops.push(
      await page.evaluate<Stop>(`(() => {
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
        const seen = outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
        return { name: document.activeElement.outerHTML.slice(0, 200), seen };
      })()`),
    );
  }
  return stops;
}

/** Where screenshots are kept for people to look at. */
export async function keepScreenshot(page: Page, name: string): Promise<string> {
  const directory = join(root, "test-artefacts");
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${name}.png`);
  await page.screenshot({ path, fullPage: true });
  return path;
}
