import { setClockRight, skewClock } from "../../twin/faults-clock.ts";
import type { Fault } from "./recovery.ts";
import { startUpdate } from "./update.ts";

const seconds = 3600;

/** A node whose clock is an hour off, as one without a network and a battery has it. */
export const skewedClock: Fault = {
  name: "skewed clock",
  async inject(trial) {
    const node = trial.nodes.at(-1) ?? "";
    await skewClock(trial.twin, node, seconds);
    const { code, output } = await (await startUpdate(trial.stack)).end;
    await setClockRight(trial.twin, node);
    if (!/clock/i.test(output)) throw new Error(`the up says nothing of the clock:\n${output}`);
    return {
      injected: `${node}'s clock ${seconds} s ahead: injected into what the probe's Python reads, a container shares its host's clock`,
      lost: code === 0 ? "nothing: the up warned" : "the up that ran; it said why",
    };
  },
};
