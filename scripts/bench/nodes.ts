import { benchBootstrapGrowth } from "./bootstrap-growth.ts";
import type { Bench } from "./figure.ts";
import { benchSecondUp } from "./second-up.ts";

/** What nodes cost: an `up` with nothing to do, and a bootstrap by the number of nodes. On twins. */
export const benchNodes: Bench = async (run) => {
  await benchSecondUp(run);
  if (!run.signal.aborted) await benchBootstrapGrowth(run);
};
