import { UserError } from "../stacks/user-error.ts";
import { bringUp } from "./lib/bring-up.ts";
import { changeExperiment, changes } from "./lib/change-experiment.ts";
import { runMain } from "./lib/main.ts";

const usage = `Usage: npm run up -- <stack>... [--again | --pause | --resume | --cancel] [flags of pulumi up]

pulumi up on each stack, sites first. Experiments are followed to their end, collected, and stay up; those named together
interleave block by block. Run it again after an interruption: it goes on where it stopped.
  --again   measures experiments once more: raises their series
  --pause   interrupts measuring; what is measured stays, and nothing of it is lost
  --resume  goes on with the next run that is not done
  --cancel  measures no more, and seals what there is
These are written into Pulumi.<stack>.yaml, so that a later up keeps to them.
`;

await runMain(async ({ signal }) => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(usage);
    return;
  }
  const asked = changes.filter((change) => args.includes(`--${change}`));
  if (asked.length > 1)
    throw new UserError({
      what: `${asked.map((change) => `--${change}`).join(" and ")} contradict each other`,
      next: "ask for one of them",
    });
  const firstFlag = args.findIndex((argument) => argument.startsWith("-"));
  const stacks = firstFlag === -1 ? args : args.slice(0, firstFlag);
  if (stacks.length === 0)
    throw new UserError({ what: "no stack is named", next: "npm run up -- <stack>..., or --help" });
  for (const change of asked) for (const stack of stacks) await changeExperiment(stack, change);
  const flags = args.slice(stacks.length).filter((flag) => !asked.some((change) => flag === `--${change}`));
  await bringUp(stacks, { flags, signal });
});
