import { relative } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../stacks/root.ts";
import { UserError } from "../stacks/user-error.ts";
import { checkRequirements } from "../twin/requirements.ts";
import { downTwin, leftovers } from "../twin/site.ts";
import { renderTwinExperiment, type TwinExperiment } from "../twin/stack-files.ts";
import { compare } from "./compare.ts";
import { bringUp } from "./lib/bring-up.ts";
import { demoDirectory, demoSite } from "./lib/demo-twin.ts";
import { runMain, type Session } from "./lib/main.ts";
import { Steps } from "./lib/steps.ts";
import { raiseTwin } from "./lib/raise-twin.ts";
import { ensureStack, removeStacks } from "./lib/twin-stacks.ts";

const shape = { blocks: 6, requests: 5, maxTokens: { short: 8, long: 16 } };
const experiments: Record<string, TwinExperiment> = {
  "threads-1": { ...shape, threads: 1 },
  "threads-2": { ...shape, threads: 2 },
};
const stacks = [demoSite, ...Object.keys(experiments)];

await runMain(async (session) => {
  const { values } = parseArgs({ options: { down: { type: "boolean" } } });
  // A backend of the user's is for real sites; the demo's state is this checkout's own.
  delete process.env.PULUMI_BACKEND_URL;
  delete process.env.PULUMI_CONFIG_PASSPHRASE;
  delete process.env.PULUMI_CONFIG_PASSPHRASE_FILE;
  return values.down === true ? down() : up(session);
});

async function up(session: Session): Promise<void> {
  const problems = await checkRequirements();
  if (problems.length > 0)
    throw new UserError({
      what: `the twin cannot run here:\n${problems.map(({ what, next }) => `  - ${what}: ${next}`).join("\n")}`,
      next: "mend what is listed, then npm run demo again",
    });
  const steps = new Steps();
  const parts = await raiseTwin({
    stack: demoSite,
    directory: demoDirectory,
    experiments: Object.keys(experiments),
    steps,
  });
  for (const [stack, experiment] of Object.entries(experiments))
    await ensureStack(stack, "experiment", renderTwinExperiment(demoSite, parts, experiment));
  const { signal } = session;
  await bringUp([demoSite], { flags: [], signal });
  await bringUp(Object.keys(experiments), { flags: [], signal });
  const { output, report } = await compare(Object.keys(experiments));
  console.log(`\n${output}`);
  if (report !== null) console.log(`Report: ${relative(root, report)}`);
  console.log("The twin stays up: npm run twin -- status shows it, npm run demo -- --down removes it.");
}

async function down(): Promise<void> {
  await downTwin(demoDirectory);
  removeStacks(stacks);
  const left = await leftovers(demoDirectory);
  if (left.length > 0)
    throw new Error(`the demo's twin left something behind:\n${left.map((line) => `  - ${line}`).join("\n")}`);
  console.log("removed the demo's twin: nodes, network, cards, stacks. Kept: results/ and the build cache.");
}
