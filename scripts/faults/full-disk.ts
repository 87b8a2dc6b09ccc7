import { fillDisk, freeDisk } from "../../twin/faults.ts";
import { loseArtefact } from "./moments.ts";
import type { Fault } from "./recovery.ts";
import { startUpdate } from "./update.ts";

/** A node's disk is full when something of 100 MB has to be sent to it. */
export const fullDisk: Fault = {
  name: "disk full",
  async inject(trial) {
    const node = trial.nodes.at(-1) ?? "";
    await loseArtefact(trial, node);
    await fillDisk(trial.twin, node);
    const { code, output } = await (await startUpdate(trial.stack)).end;
    await freeDisk(trial.twin, node);
    if (code === 0) throw new Error("an up succeeded although the disk was full");
    if (!/no space left|disk is full/i.test(output))
      throw new Error(`the up does not say that the disk is full:\n${output}`);
    return {
      injected: `${node}'s disk filled to the last block while K3s's executable was to be sent`,
      lost: "the up that ran; it said why",
    };
  },
};
