import { nodeNames } from "../../twin/stack-files.ts";
import { TrialSite } from "../faults/trial-site.ts";
import { Steps } from "../lib/steps.ts";
import type { Bench } from "./figure.ts";
import { growthOf } from "./growth.ts";
import { rounded, timed } from "./paired.ts";
import { busyDuring, processors } from "./processor.ts";

const sizes = [1, 4, 8];
const rounds = 3;

/**
 * The first `up` of sites of 1, 4 and 8 nodes, from booted blank cards to all nodes Ready. The sizes take turns, so that a
 * machine that slows down or heats up spoils all of them alike.
 */
export const benchBootstrapGrowth: Bench = async ({ report, signal, defer }) => {
  const measured: { nodes: number; seconds: number; busy: number | null }[] = [];
  for (let round = 0; round < rounds && !signal.aborted; round += 1)
    for (const nodes of sizes) {
      const trial = new TrialSite({ stack: "trial-bench", nodes: nodeNames(nodes), steps: new Steps(process.stderr) });
      defer(() => trial.close());
      try {
        await trial.close();
        await trial.open();
        await trial.powerOn();
        let seconds = 0;
        const busy = await trial.steps.run(`bootstrap of ${nodes}`, () =>
          busyDuring(async () => {
            seconds = await timed(() => trial.up());
          }),
        );
        measured.push({ nodes, seconds: rounded(seconds), busy });
      } finally {
        await trial.close();
      }
    }
  const growth = growthOf(measured.map(({ nodes, seconds }) => [nodes, seconds]));
  report({
    name: "bootstrap-growth",
    value: growth.slope,
    unit: "s for each node more",
    baseline: growth.first,
    ratio: rounded(growth.slope / growth.first),
    interval: growth.interval,
    verdict: growth.resolved ? "grows" : "not resolvable here",
    bound: `all nodes share this machine's ${processors} processors, as boards do not: what share was busy is in runs`,
    runs: measured,
  });
};
