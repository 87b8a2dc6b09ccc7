import { mkdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../stacks/root.ts";
import { UserError } from "../stacks/user-error.ts";
import { runMain } from "./lib/main.ts";
import { compareRuns, type Compared } from "./lib/results/compare-runs.ts";
import { comparisonSchema } from "./lib/results/comparison.ts";
import { parseMeasurementName, resultsLayout, type ResultsLayout } from "./lib/results/layout.ts";
import { renderReport } from "./lib/results/report-html.ts";
import { openSealedRun } from "./lib/results/sealed-run.ts";
import { writeWhole } from "./lib/results/seal.ts";
import { renderTable } from "./lib/results/table.ts";

const usage = `Usage: npm run compare -- <A> <B> [--allow <field>]... [--run A=<name>] [--run B=<name>] [--json]

Compares the newest sealed run of two stacks, paired by block. A and B are <stack>, or <stack>:<variant> where a run has
several variants. Prints a table and writes results/compare/<A>-vs-<B>.html.
  --allow  a field that may differ, for example versions.k3s; the report says so
  --run    another sealed run than the newest: a run-id, or <run-id>-2, -3, ... where its plan was measured again
           (the names in results/<stack>/)
  --json   prints the comparison as JSON instead of the table
`;

/** Compares as the arguments say, writes the report, and returns what to print. */
export async function compare(
  args: readonly string[],
  layout: ResultsLayout = resultsLayout(),
): Promise<{ output: string; report: string | null }> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      allow: { type: "string", multiple: true, default: [] },
      run: { type: "string", multiple: true, default: [] },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return { output: usage, report: null };
  const [a, b, ...others] = positionals;
  if (a === undefined || b === undefined || others.length > 0)
    throw new UserError({
      what: `compare takes two stacks, not ${positionals.length}`,
      next: "npm run compare -- <A> <B>, or --help",
    });
  const runs = parseRuns(values.run);
  const compared = await Promise.all([open(layout, a, runs.A), open(layout, b, runs.B)]);
  const { comparison, samples } = compareRuns(compared, values.allow);

  const report = join(layout.directory, "compare", `${a}-vs-${b}.html`.replaceAll(":", "."));
  await mkdir(dirname(report), { recursive: true });
  await writeWhole(report, renderReport(comparison, samples));
  const output = values.json
    ? `${JSON.stringify(comparisonSchema.parse(comparison), null, 2)}\n`
    : renderTable(comparison);
  return { output, report };
}

function parseRuns(pairs: readonly string[]): { A?: string; B?: string } {
  const runs: { A?: string; B?: string } = {};
  for (const pair of pairs) {
    const [, side, name] = /^([AB])=(.*)$/.exec(pair) ?? [];
    if ((side !== "A" && side !== "B") || name === undefined || parseMeasurementName(name) === null)
      throw new UserError({
        what: `--run ${pair} can't be read`,
        next: "write it as --run A=<run-id>, 12 hexadecimal digits, or --run A=<run-id>-2",
      });
    runs[side] = name;
  }
  return runs;
}

async function open(layout: ResultsLayout, operand: string, named: string | undefined): Promise<Compared> {
  const [, stack, variant] = /^([A-Za-z0-9_.-]+)(?::([a-z0-9.+-]+))?$/.exec(operand) ?? [];
  if (stack === undefined)
    throw new UserError({ what: `${operand} is not a stack's name`, next: "write <stack> or <stack>:<variant>" });
  const run = await openSealedRun(layout, stack, named);
  return variant === undefined ? { run } : { run, variant };
}

if (import.meta.main)
  await runMain(async () => {
    const { output, report } = await compare(process.argv.slice(2));
    process.stdout.write(output);
    // Not on stdout: with --json that is JSON alone.
    if (report !== null) console.error(`Report: ${relative(root, report)}`);
  });
