import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { UserError } from "../stacks/user-error.ts";
import { runMain } from "./lib/main.ts";
import { parseMeasurementName, resultsLayout } from "./lib/results/layout.ts";
import { parseMeter } from "./lib/results/meter-csv.ts";
import { openSealedRun } from "./lib/results/sealed-run.ts";
import { renderSummary } from "./lib/results/summary-table.ts";
import { summarize } from "./lib/results/summary.ts";

const usage = `Usage: npm run results -- list
       npm run results -- show <stack> [--run <name>] [--meter <file>] [--json]
       npm run results -- verify [<stack>]

list    every sealed run, by stack
show    what came of each variant under each scenario of the newest run, or of the one named; energy by a power meter's CSV (a
        time and watts, read at the node that serves) where one is given
verify  checks every byte of the sealed runs against their seals
`;

await runMain(async () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      run: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const [action, stack] = positionals;
  if (values.help) process.stdout.write(usage);
  else if (action === "list" && stack === undefined) await list();
  else if (action === "show" && stack !== undefined) await show(stack, values);
  else if (action === "verify") await verify(stack);
  else throw new UserError({ what: "there is no such command", next: "npm run results -- show <stack>, or --help" });
});

const layout = resultsLayout();

/** Sealed runs by stack, both sorted. */
async function sealedRuns(): Promise<{ stack: string; run: string }[]> {
  const stacks = existsSync(layout.directory) ? (await readdir(layout.directory)).sort() : [];
  const runs = await Promise.all(
    stacks.map(async (stack) => {
      const names = await readdir(layout.stack(stack)).catch(() => []);
      return names
        .filter((name) => parseMeasurementName(name) !== null)
        .sort()
        .map((run) => ({ stack, run }));
    }),
  );
  return runs.flat();
}

async function list(): Promise<void> {
  for (const { stack, run } of await sealedRuns()) console.log(`${stack}  ${run}`);
}

async function show(
  stack: string,
  { run, meter, json }: { run?: string | undefined; meter?: string | undefined; json: boolean },
): Promise<void> {
  const readings = meter === undefined ? undefined : parseMeter(await readMeter(meter), meter);
  const summaries = summarize(await openSealedRun(layout, stack, run), readings);
  if (json)
    console.log(JSON.stringify(summaries, (_key, value: unknown) => (value instanceof Set ? [...value] : value), 2));
  else process.stdout.write(renderSummary(summaries));
}

async function readMeter(file: string): Promise<string> {
  return await readFile(file, "utf8").catch((error: unknown) => {
    throw new UserError({ what: "cannot be read", where: file, next: "name the meter's CSV file" }, { cause: error });
  });
}

async function verify(wanted: string | undefined): Promise<void> {
  const runs = (await sealedRuns()).filter(({ stack }) => wanted === undefined || stack === wanted);
  if (runs.length === 0) throw new UserError({ what: "there is no sealed run", next: "npm run collect -- <stack>" });
  for (const { stack, run } of runs) {
    await openSealedRun(layout, stack, run);
    console.log(`${stack}  ${run}  as it was sealed`);
  }
}
