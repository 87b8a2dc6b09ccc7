import { nodeNames } from "../../twin/stack-files.ts";
import { expectNoWrites } from "../faults/recovery.ts";
import { TrialSite } from "../faults/trial-site.ts";
import { bringWorkloadImage, deployWorkload, watchWhile } from "../faults/workload.ts";
import { Steps } from "../lib/steps.ts";
import type { Bench, Figure } from "./figure.ts";
import { rounded, timed } from "./paired.ts";

/** Requests that fail while three servers and an agent are upgraded by a minor version, of clients that know all of them. */
export const benchUpgrade: Bench = async ({ report, defer }) => {
  const trial = new TrialSite({
    stack: "trial-bench",
    nodes: nodeNames(4),
    servers: 3,
    steps: new Steps(process.stderr),
  });
  defer(() => trial.close());
  try {
    await trial.close();
    await trial.open();
    await bringWorkloadImage(trial);
    await trial.powerOn();
    await trial.steps.run("first up", () => trial.up());
    await deployWorkload(trial);
    await trial.useK3s("1.35");
    let seconds = 0;
    const fared = await watchWhile(trial, async () => {
      seconds = await timed(() => trial.steps.run("upgrade", () => trial.up()));
    });
    for (const [what, { requests, failed, longestGap, failures }] of Object.entries(fared)) {
      const figure: Figure = {
        name: `upgrade-failed-probes, ${what}`,
        value: failed,
        unit: "requests",
        baseline: null,
        ratio: null,
        limit: 0,
        requests,
        longestGap,
        failures,
        upgradeSeconds: rounded(seconds),
      };
      report(figure);
    }
    let writes = 0;
    await expectNoWrites(trial).catch((error: unknown) => {
      writes = String(error).split("\n").length;
    });
    report({
      name: "second up after the upgrade",
      value: writes,
      unit: "writes",
      baseline: null,
      ratio: null,
      limit: 0,
    });
  } finally {
    await trial.close();
  }
};
