import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../stacks/root.ts";
import { UserError } from "../stacks/user-error.ts";
import { runMain } from "./lib/main.ts";
import { compareRuns } from "./lib/results/compare-runs.ts";
import { comparisonSchema, type Comparison } from "./lib/results/comparison.ts";
import { failuresOf, parseCondition } from "./lib/results/fail-if.ts";
import { resultsLayout, type ResultsLayout } from "./lib/results/layout.ts";
import { renderMarkdown } from "./lib/results/markdown.ts";
import { openOperands } from "./lib/results/operands.ts";
import { renderReport } from "./lib/results/report-html.ts";
import { writeWhole } from "./lib/results/seal.ts";
import { renderTable } from "./lib/results/table.ts";

const usage = `Usage: npm run compare -- <operand>... [options]

Compares sealed runs, paired by block: the first operand is the baseline, each of the others is set against it.
Prints a table and writes results/compare/<operand>-vs-<operand>.html.

An operand is
  <stack>             the newest sealed run of a stack
  <stack>:<variant>   one variant of it; has to be named where there are several
  <stack>:*           all its variants
each with @<run-id> or @<series> behind it for another run, for example threads-1@2 or threads-1:fast@0123456789ab-2.
One operand alone compares the variants of its run.

  --allow <field>         a field that may differ, for example versions.k3s; every output says so
  --margin <per cent>     within which both are equivalent (default 5%)
  --paper                 what was published, and what the memory's bandwidth predicts, beside the results
  --fail-if <condition>   exit code 3 where it holds: slower:5%, longer:10%, less-accurate:3, failing:1%, undecided
  --markdown, --json      print that instead of the table
Exit codes: 0 compared; 1 an error; 3 a condition of --fail-if holds
`;

export interface ComparedOutput {
  readonly output: string;
  /** Path of the HTML file. */
  readonly report: string | null;
  /** The conditions of --fail-if that hold, as sentences. */
  readonly failures: readonly string[];
}

/** Compares as the arguments say, writes the report, and returns what to print. */
export async function compare(
  args: readonly string[],
  layout: ResultsLayout = resultsLayout(),
): Promise<ComparedOutput> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      allow: { type: "string", multiple: true, default: [] },
      margin: { type: "string", default: "5%" },
      paper: { type: "boolean", default: false },
      "fail-if": { type: "string", multiple: true, default: [] },
      markdown: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { allow, paper } = values;
  if (values.help) return { output: usage, report: null, failures: [] };
  if (positionals.length === 0)
    throw new UserError({ what: "nothing is named to compare", next: "npm run compare -- <A> <B>..., or --help" });
  if (values.json && values.markdown)
    throw new UserError({ what: "--json and --markdown are two outputs", next: "name one of them" });
  const margin = parseMargin(values.margin);
  const conditions = values["fail-if"].map(parseCondition);
  const { comparison, plots } = compareRuns(await openOperands(layout, positionals), { allow, margin, paper });
  const failures = failuresOf(comparison, conditions);

  const report = join(layout.directory, "compare", `${reportName(positionals)}.html`);
  await mkdir(dirname(report), { recursive: true });
  await writeWhole(report, renderReport(comparison, plots));
  return { output: render(comparison, values), report, failures };
}

function render(comparison: Comparison, { json, markdown }: { json: boolean; markdown: boolean }): string {
  if (json) return `${JSON.stringify(comparisonSchema.parse(comparison), null, 2)}\n`;
  return markdown ? renderMarkdown(comparison) : renderTable(comparison);
}

/** As a fraction. @throws UserError for what is no share between 0 and 100 % */
function parseMargin(text: string): number {
  const margin = /^\d{1,2}(\.\d{1,3})?%$/.test(text) ? Number(text.slice(0, -1)) / 100 : 0;
  if (margin > 0) return margin;
  throw new UserError({ what: `--margin ${text} can't be read`, next: "write it in per cent, as --margin 3%" });
}

/** Bytes of a file's name: file systems allow 255. */
const longestName = 200;

function reportName(operands: readonly string[]): string {
  const name = operands.join("-vs-").replaceAll("*", "all").replaceAll(/[:@]/g, ".");
  if (name.length <= longestName) return name;
  const digest = createHash("sha256").update(operands.join(" ")).digest("hex").slice(0, 12);
  return `${name.slice(0, longestName)}-${digest}`;
}

if (import.meta.main)
  await runMain(async () => {
    const { output, report, failures } = await compare(process.argv.slice(2));
    process.stdout.write(output);
    // Not on stdout: with --json that is JSON alone.
    if (report !== null) console.error(`Report: ${relative(root, report)}`);
    for (const failure of failures) console.error(`Failed: ${failure}`);
    return failures.length === 0 ? 0 : 3;
  });
