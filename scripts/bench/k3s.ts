import type { Bench } from "./figure.ts";
import { benchInstall } from "./install-vs-floor.ts";
import { benchUpgrade } from "./upgrade-failed-probes.ts";

/** What a cluster's life costs: its making, against the least that it takes, and an upgrade, in requests that fail. On twins. */
export const benchK3s: Bench = async (run) => {
  await benchUpgrade(run);
  if (!run.signal.aborted) await benchInstall(run);
};
