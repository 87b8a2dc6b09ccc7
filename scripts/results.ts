import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { UserError } from "../stacks/user-error.ts";
import { runMain } from "./lib/main.ts";
import { exportResults } from "./lib/results/export-results.ts";
import { resultsLayout, type ResultsLayout } from "./lib/results/layout.ts";
import { listRuns, renderRuns, sealedRuns } from "./lib/results/list-runs.ts";
import { parseMeter } from "./lib/results/meter-csv.ts";
import { openSealedRun } from "./lib/results/sealed-run.ts";
import { renderSummary } from "./lib/results/summary-table.ts";
import { summarize } from "./lib/results/summary.ts";
import { verifyResults } from "./lib/results/verify-results.ts";

const usage = `Usage: npm run results -- list [--json]
       npm run results -- show <stack> [--run <name>] [--meter <file>] [--json]
       npm run results -- verify [<stack>...]
       npm run results -- export <stack>... [--run <name>] [--format csv|json] [--per request|run] [--out <file>]

list    every run that lies here, by stack
show    what came of each variant under each scenario of the newest run, or of the one named; energy by a power meter's CSV (a
        time and watts, read at the node that serves) where one is given
verify  checks every byte of the sealed runs against their seals; exit code 1 where one was changed
export  the newest run of each stack, or the one named, a row for each request (or run), with units in the columns' names
`;

const options = {
  run: { type: "string" },
  meter: { type: "string" },
  format: { type: "string", default: "csv" },
  per: { type: "string", default: "request" },
  out: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** Does what the arguments say, prints it, and returns the exit code. */
export async function results(args: readonly string[], layout: ResultsLayout = resultsLayout()): Promise<number> {
  const { positionals, values } = parseArgs({ args: [...args], allowPositionals: true, options });
  const [action, ...stacks] = positionals;
  const [stack] = stacks;
  if (values.help) print(usage);
  else if (action === "list" && stack === undefined) await list(layout, values.json);
  else if (action === "show" && stack !== undefined && stacks.length === 1) await show(layout, stack, values);
  else if (action === "verify") return await verify(layout, stacks);
  else if (action === "export" && stack !== undefined) await write(layout, stacks, values);
  else throw new UserError({ what: "there is no such command", next: "npm run results -- show <stack>, or --help" });
  return 0;
}

async function list(layout: ResultsLayout, json: boolean): Promise<void> {
  const runs = await listRuns(layout);
  print(json ? `${JSON.stringify(runs, null, 2)}\n` : renderRuns(runs));
}

async function show(
  layout: ResultsLayout,
  stack: string,
  { run, meter, json }: { run?: string | undefined; meter?: string | undefined; json: boolean },
): Promise<void> {
  const readings = meter === undefined ? undefined : parseMeter(await readMeter(meter), meter);
  const summaries = summarize(await openSealedRun(layout, stack, run), readings);
  const plain = (_key: string, value: unknown) => (value instanceof Set ? [...(value as Set<unknown>)] : value);
  print(json ? `${JSON.stringify(summaries, plain, 2)}\n` : renderSummary(summaries));
}

async function readMeter(file: string): Promise<string> {
  return await readFile(file, "utf8").catch((error: unknown) => {
    throw new UserError({ what: "cannot be read", where: file, next: "name the meter's CSV file" }, { cause: error });
  });
}

async function verify(layout: ResultsLayout, stacks: readonly string[]): Promise<number> {
  const runs = (await sealedRuns(layout)).filter(({ stack }) => stacks.length === 0 || stacks.includes(stack));
  if (runs.length === 0) throw new UserError({ what: "there is no sealed run", next: "npm run collect -- <stack>" });
  let damaged = 0;
  for await (const { stack, run, problem } of verifyResults(layout, runs)) {
    print(`${stack}  ${run}  ${problem ?? "as it was sealed"}\n`);
    if (problem !== null) damaged += 1;
  }
  return damaged === 0 ? 0 : 1;
}

async function write(
  layout: ResultsLayout,
  stacks: readonly string[],
  { run, format, per, out }: { run?: string | undefined; format: string; per: string; out?: string | undefined },
): Promise<void> {
  if ((format !== "csv" && format !== "json") || (per !== "request" && per !== "run"))
    throw new UserError({
      what: `--format ${format} --per ${per}: there is no such export`,
      next: "--format csv or json, --per request or run",
    });
  const runs = stacks.map((stack) => ({ stack, run }));
  await exportResults(layout, runs, { format, per }, out === undefined || out === "-" ? null : out);
}

function print(text: string): void {
  process.stdout.write(text);
}

if (import.meta.main) await runMain(() => results(process.argv.slice(2)));
