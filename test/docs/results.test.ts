import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { requestRow, runRows } from "../../scripts/lib/results/export-rows.ts";
import { manifestSchema } from "../../scripts/lib/results/manifest.ts";
import { openSealedRun } from "../../scripts/lib/results/sealed-run.ts";
import { root } from "../../stacks/root.ts";
import { emptyResults, sealSynthetic, syntheticBlock, syntheticPlan } from "../scripts/lib/results/synthetic-run.ts";

const page = readFileSync(join(root, "docs", "results.md"), "utf8");
const names = new Set([...page.matchAll(/`([A-Za-z0-9_]+)`/g)].map(([, name]) => name));

test("every field of the manifest is explained", (t) => {
  for (const field of Object.keys(manifestSchema.shape)) t.true(names.has(field), field);
});

test("every column of an export is named", async (t) => {
  const layout = await emptyResults(t);
  const plan = syntheticPlan({ blocks: 1 });
  const run = await sealSynthetic(layout, "one", plan);
  const request = syntheticBlock(plan, 0).find((record) => record.type === "request");
  if (request === undefined) throw new Error("no request");
  const rows = [
    ...runRows(await openSealedRun(layout, "one")),
    requestRow({ stack: "one", run, plan, block: 0 }, request),
  ];
  const columns = new Set(rows.flatMap((row) => Object.keys(row)));
  // Of a latency's quantiles the first stands for all.
  for (const column of columns) t.true(names.has(column.replace(/_p9[59]_/, "_p50_")), column);
});

test("every page that it links to is there", (t) => {
  for (const [, file = ""] of page.matchAll(/\]\(([^)#]+)\)/g)) t.true(existsSync(join(root, "docs", file)), file);
});
