import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "zx";
import { compare } from "../compare.ts";
import { openChromium, provideChromium } from "../lib/chromium.ts";
import { resultsLayout } from "../lib/results/layout.ts";
import type { Bench } from "./figure.ts";
import { openInTurns } from "./open-page.ts";
import { plannedResults, runsOfStack, sealResults } from "./synthetic-results.ts";

const records = 1e6;
const stacks = ["first", "second"];
/** Seconds. */
const limit = 2;

/**
 * `report-opens-seconds`: how long Chromium takes until a report's load event, in turns with a page that holds one word. The report
 * compares all variants of two stacks whose 200 runs have a million requests. Needs 1 GB of disk.
 */
export const reportOpens: Bench = async ({ report, signal, defer }) => {
  const folder = await mkdtemp(join(tmpdir(), "bramble-bench-report-"));
  // Sealed directories are read-only.
  defer(() => $({ quiet: true })`chmod -R u+w ${folder} && rm -rf ${folder}`);
  const layout = resultsLayout(folder);
  console.error(`report: writing ${records} records, and comparing them`);
  for (const [index, stack] of stacks.entries()) {
    signal.throwIfAborted();
    await sealResults(layout, stack, plannedResults(records / (stacks.length * runsOfStack), index + 1));
  }
  const operands = stacks.map((stack) => `${stack}:*`);
  const { report: file } = await compare([...operands, "--allow", "model"], layout);
  if (file === null) throw new Error("no report was written");
  signal.throwIfAborted();
  const browser = await openChromium(join(await provideChromium(console.error), "chromium"));
  defer(() => browser.close());
  const opened = await openInTurns(browser, file, folder);
  report({ name: "report-opens-seconds", unit: "s", limit, against: "a page of one word", records, ...opened });
  await browser.close();
};
