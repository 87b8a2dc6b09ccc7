import { parseArgs } from "node:util";
import { UserError } from "../stacks/user-error.ts";
import { checkRequirements } from "../twin/requirements.ts";
import { nodeNames } from "../twin/stack-files.ts";
import { nodeFaults, shortNodeFaults } from "./faults/node-faults.ts";
import { tryFault } from "./faults/recovery.ts";
import { TrialSite } from "./faults/trial-site.ts";
import { runMain, type Session } from "./lib/main.ts";
import { Steps } from "./lib/steps.ts";

const usage = `Usage: npm run faults -- nodes [--short] [--only <part of a name>]

What goes wrong at a site, done to a twin of two nodes, one fault after the other. After each, the next up must converge by
itself, and the one after must write nothing. Prints one line of JSON per fault: name, injected, recovered, seconds, lost.
Exit code 1 when any did not recover. --short tries the few that npm test tries.
`;

await runMain(async (session) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { short: { type: "boolean" }, only: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help === true) {
    process.stdout.write(usage);
    return;
  }
  if (positionals.join(" ") !== "nodes")
    throw new UserError({ what: `there are no faults of "${positionals.join(" ")}"`, next: "npm run faults -- nodes" });
  const problems = await checkRequirements();
  if (problems.length > 0)
    throw new UserError({
      what: `the twin cannot run here:\n${problems.map(({ what, next }) => `  - ${what}: ${next}`).join("\n")}`,
      next: "mend what is listed, then try again",
    });
  const all = values.short === true ? shortNodeFaults : nodeFaults;
  return await tryAll(
    session,
    all.filter(({ name }) => name.includes(values.only ?? "")),
  );
});

async function tryAll(session: Session, faults: typeof nodeFaults): Promise<number> {
  const trial = new TrialSite({ stack: "trial-faults", nodes: nodeNames(2), steps: new Steps(process.stderr) });
  await trial.close();
  session.defer(() => trial.close());
  await trial.open();
  let failed = 0;
  let isUp = false;
  for (const fault of faults) {
    if (session.signal.aborted) return 1;
    const report = await trial.steps.run(fault.name, async (progress) => {
      if (!isUp && fault.fromBlank !== true) {
        progress("bringing the site up");
        await trial.startOver();
        await trial.up();
      }
      progress("trying it");
      return await tryFault(trial, fault);
    });
    console.log(JSON.stringify(report));
    // After one that did not recover, the next begins from blank cards.
    isUp = report.recovered;
    if (!report.recovered) failed += 1;
  }
  return failed === 0 ? 0 : 1;
}
