/** What other programs import as `bramble/results`: sealed runs, what came of them, and comparisons. Nothing here changes anything. */

/** Where runs lie: results/ of the project, or any other directory. */
export { resultsLayout, type ResultsLayout } from "./layout.ts";

/** A sealed run, checked against its seal, and its manifest. */
export { openSealedRun, type SealedRun } from "./sealed-run.ts";
export { manifestSchema, type Manifest } from "./manifest.ts";

/** What came of each variant under each scenario. */
export { summarize, type RunSummary } from "./summary.ts";

/** Runs against each other, as `npm run compare -- --json` prints it. */
export { compareRuns } from "./compare-runs.ts";
export type { Compared } from "./sides.ts";
export { comparisonSchema, type Comparison } from "./comparison.ts";
