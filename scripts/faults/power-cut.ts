import { cutPower, restorePower } from "../../twin/faults.ts";
import { bootstrapMoments, waitForMoment, type Moment } from "./moments.ts";
import type { Fault } from "./recovery.ts";
import { startUpdate } from "./update.ts";

/** Power cuts on the last node, one at each step of its bootstrap. */
export const powerCuts: readonly Fault[] = bootstrapMoments.map(powerCutDuring);

/** What only the node's page cache holds is lost; it gets power again at once, while the `up` still runs. */
export function powerCutDuring(moment: Moment): Fault {
  return {
    name: `power cut: ${moment.name}`,
    fromBlank: true,
    async inject(trial) {
      const node = trial.nodes.at(-1) ?? "";
      const update = await startUpdate(trial.stack);
      await waitForMoment(trial, node, moment, update);
      await cutPower(trial.twin, node);
      await restorePower(trial.twin, node);
      const { code } = await update.end;
      return {
        injected: `${node} lost power, page cache included, at its ${moment.name}`,
        lost: code === 0 ? "nothing: the same up went on and succeeded" : "the up that ran",
      };
    },
  };
}
