import { nodeNames } from "../../twin/stack-files.ts";
import { TrialSite } from "../faults/trial-site.ts";
import { Steps } from "../lib/steps.ts";
import type { Bench } from "./figure.ts";
import { installByHand } from "./install-floor.ts";
import { comparePairs, timed } from "./paired.ts";

const agents = [1, 2, 4];
const rounds = 3;

/**
 * From booted blank nodes to all Ready, against the same K3s started by hand. When each node became Ready the cluster itself
 * says, to the second: asking it all the while would slow down what is measured. What `up` does afterwards is told beside.
 */
export const benchInstall: Bench = async ({ report, signal, defer }) => {
  const isOver = () => signal.aborted;
  for (const count of agents) {
    if (isOver()) return;
    const trial = new TrialSite({
      stack: "trial-bench",
      nodes: nodeNames(1 + count),
      steps: new Steps(process.stderr),
    });
    defer(() => trial.close());
    try {
      await trial.close();
      await trial.open();
      const pairs: { value: number; baseline: number }[] = [];
      const wholes: number[] = [];
      for (let round = 0; round < rounds && !isOver(); round += 1) {
        const byBramble = async () => {
          await trial.startOver();
          const started = Date.now();
          wholes.push(await timed(() => trial.up()));
          return (await allReadyAt(trial)) - started / 1000;
        };
        const byHand = async () => {
          await trial.startOver();
          const started = Date.now();
          await installByHand(trial);
          return (await allReadyAt(trial)) - started / 1000;
        };
        // Which of both comes first takes turns.
        const first = round % 2 === 0 ? await byBramble() : undefined;
        const baseline = await byHand();
        pairs.push({ value: first ?? (await byBramble()), baseline });
      }
      if (pairs.length === 0) return;
      report({
        name: `install-vs-floor, ${count} ${count === 1 ? "agent" : "agents"}`,
        unit: "s",
        ...comparePairs(pairs),
        limit: 1.25,
        against: "a shell loop over ssh that copies and starts the same K3s, and prepares nothing",
        runs: pairs,
        wholeUpSeconds: wholes,
      });
    } finally {
      await trial.close();
    }
  }
};

/** When the last node became Ready, in seconds of Unix time. The nodes of a twin share this machine's clock. */
async function allReadyAt(trial: TrialSite): Promise<number> {
  const path = `{range .items[*]}{.status.conditions[?(@.type=="Ready")].lastTransitionTime}{"\\n"}{end}`;
  const times = (await trial.kubectl(`get nodes --output=jsonpath='${path}'`)).trim().split("\n");
  return Math.max(...times.map((time) => Date.parse(time) / 1000));
}
