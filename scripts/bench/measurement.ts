import { benchClient } from "./client-cost.ts";
import { benchDecodeRate } from "./decode-rate-error.ts";
import type { Bench } from "./figure.ts";
import { benchOpenLoop } from "./open-loop-recovery.ts";
import { benchProbeCost } from "./probe-cost.ts";

/** What measuring itself costs and distorts: the client's clock, the schedule of an open loop, the probe. */
export const benchMeasurement: Bench = async (run) => {
  for (const bench of [benchClient, benchOpenLoop, benchDecodeRate, benchProbeCost])
    if (!run.signal.aborted) await bench(run);
};
