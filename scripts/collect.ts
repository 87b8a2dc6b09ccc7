import { parseArgs } from "node:util";
import { UserError } from "../stacks/user-error.ts";
import { runMain, type Session } from "./lib/main.ts";
import { collectStack, describeCollected } from "./lib/results/collect-stack.ts";

const usage = `Usage: npm run collect -- <stack>... [--final]

Copies what each experiment's last run left on its node to results/<stack>/<run-id>/, and seals it.
What a site that was built anew measured by the same plan goes to <run-id>-2/, -3/, ...; what is sealed never changes.
  --final  the run will not go on: seal it even where blocks are missing or unusable
Exit codes: 0 all sealed; 1 an error; 2 blocks are still to come (collect again later)
`;

async function main({ signal }: Session): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { final: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (positionals.length === 0)
    throw new UserError({ what: "no stack is named", next: "npm run collect -- <stack>..., or --help" });
  let [failed, unfinished] = [false, false];
  for (const stack of positionals) {
    signal.throwIfAborted();
    try {
      const collected = await collectStack(stack, { final: values.final, signal });
      console.log(describeCollected(collected));
      unfinished ||= collected.outcome === "partial";
    } catch (error) {
      // One stack's dead node must not keep the others' results from being collected.
      if (!(error instanceof UserError) || positionals.length === 1) throw error;
      console.error(error.message);
      failed = true;
    }
  }
  return failed ? 1 : unfinished ? 2 : 0;
}

await runMain(main);
