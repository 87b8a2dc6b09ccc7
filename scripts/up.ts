import { UserError } from "../stacks/user-error.ts";
import { bringUp } from "./lib/bring-up.ts";
import { runMain } from "./lib/main.ts";

const usage = `Usage: npm run up -- <stack>... [flags of pulumi up]

pulumi up on each stack, sites first. Experiments are followed to their end, collected, and stay up; those named together
interleave block by block. Run it again after an interruption: it goes on where it stopped.
`;

await runMain(async ({ signal }) => {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(usage);
    return;
  }
  const firstFlag = args.findIndex((argument) => argument.startsWith("-"));
  const stacks = firstFlag === -1 ? args : args.slice(0, firstFlag);
  if (stacks.length === 0)
    throw new UserError({ what: "no stack is named", next: "npm run up -- <stack>..., or --help" });
  await bringUp(stacks, { flags: args.slice(stacks.length), signal });
});
