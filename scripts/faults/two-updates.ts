import { setTimeout as sleep } from "node:timers/promises";
import { momentOf, waitForMoment } from "./moments.ts";
import type { Fault } from "./recovery.ts";
import { startUpdate } from "./update.ts";

/** A second `up` is started while the first one bootstraps the site. */
export const twoUpdates: Fault = {
  name: "two ups at once",
  fromBlank: true,
  async inject(trial) {
    const node = trial.nodes.at(-1) ?? "";
    const first = await startUpdate(trial.stack);
    await waitForMoment(trial, node, momentOf("preparation files"), first);
    await sleep(100);
    const second = await (await startUpdate(trial.stack)).end;
    if (second.code === 0) throw new Error("a second up succeeded while the first one held the stack");
    if (!/lock/i.test(second.output)) throw new Error(`the second up does not say why it stopped:\n${second.output}`);
    const { code, output } = await first.end;
    if (code !== 0) throw new Error(`the first up failed:\n${output}`);
    return {
      injected: `a second up started while the first one prepared ${node}`,
      lost: "nothing: the second up was refused, the first one succeeded",
    };
  },
};
