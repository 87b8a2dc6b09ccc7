import { setTimeout as sleep } from "node:timers/promises";
import { momentOf, waitForMoment, type Moment } from "./moments.ts";
import type { Fault } from "./recovery.ts";
import { startUpdate } from "./update.ts";

/** `up` ended by SIGKILL at several moments of a bootstrap. */
export const killedUpdates: readonly Fault[] = [
  "card check",
  "preparation files",
  "K3s artefact transfer",
  "K3s start",
  "membership",
].map((moment) => killedDuring(momentOf(moment)));

/** The CLI gets SIGKILL, as from the kernel when memory is short; its plugins find out by themselves. */
export function killedDuring(moment: Moment): Fault {
  return {
    name: `up killed: ${moment.name}`,
    fromBlank: true,
    async inject(trial) {
      const node = trial.nodes.at(-1) ?? "";
      const update = await startUpdate(trial.stack);
      await waitForMoment(trial, node, moment, update);
      process.kill(update.pid, "SIGKILL");
      await update.end;
      // A person types the next one; this is faster than any.
      await sleep(1000);
      return { injected: `up ended by SIGKILL at ${node}'s ${moment.name}`, lost: "the up that ran" };
    },
  };
}
