import { parseArgs } from "node:util";
import { UserError } from "../stacks/user-error.ts";
import { checkRequirements } from "../twin/requirements.ts";
import { nodeNames } from "../twin/stack-files.ts";
import { k3sFaultNodes, k3sFaults } from "./faults/k3s-faults.ts";
import { nodeFaults } from "./faults/node-faults.ts";
import { tryFault, type Fault } from "./faults/recovery.ts";
import { TrialSite } from "./faults/trial-site.ts";
import { bringWorkloadImage } from "./faults/workload.ts";
import { runMain, type Session } from "./lib/main.ts";
import { Steps } from "./lib/steps.ts";

/** What goes wrong, and the site that it is tried on. */
interface Area {
  readonly faults: readonly Fault[];
  readonly nodes: number;
  readonly servers: 1 | 3;
}

const areas: Readonly<Record<string, Area>> = {
  nodes: { faults: nodeFaults, nodes: 2, servers: 1 },
  k3s: { faults: k3sFaults, nodes: k3sFaultNodes, servers: 3 },
};

const usage = `Usage: npm run faults -- <area> [--only <part of a name>]    (${Object.keys(areas).join(", ")})

What goes wrong at a site, done to a twin, one fault after the other. After each, the next up must converge by itself, and the
one after must write nothing. Prints one line of JSON per fault: name, injected, recovered, seconds, lost. Exit code 1 when any
did not recover.

nodes   cards, connections and bootstrap, on two nodes
k3s     the cluster's life, on three servers and an agent
`;

await runMain(async (session) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { only: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help === true) {
    process.stdout.write(usage);
    return;
  }
  const [name = "", ...rest] = positionals;
  const area = Object.hasOwn(areas, name) && rest.length === 0 ? areas[name] : undefined;
  if (area === undefined)
    throw new UserError({
      what: `there are no faults of "${positionals.join(" ")}"`,
      next: "npm run faults -- --help names the areas",
    });
  const problems = await checkRequirements();
  if (problems.length > 0)
    throw new UserError({
      what: `the twin cannot run here:\n${problems.map(({ what, next }) => `  - ${what}: ${next}`).join("\n")}`,
      next: "mend what is listed, then try again",
    });
  const faults = area.faults.filter((fault) => fault.name.includes(values.only ?? ""));
  return await tryAll(session, { ...area, faults });
});

async function tryAll(session: Session, { faults, nodes, servers }: Area): Promise<number> {
  const steps = new Steps(process.stderr);
  const trial = new TrialSite({ stack: "trial-faults", nodes: nodeNames(nodes), servers, steps });
  await trial.close();
  session.defer(() => trial.close());
  await trial.open();
  if (servers > 1) await bringWorkloadImage(trial);
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
