import { appendFile, copyFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { binaryPath } from "../../stacks/k3s/paths.ts";
import { stateDirectory } from "../../stacks/root.ts";
import { cutLink, cutPower, restoreLink, restorePower } from "../../twin/faults.ts";
import { removeNode } from "../../twin/node.ts";
import { killedDuring } from "./killed-update.ts";
import { momentOf, waitForMoment, type Moment } from "./moments.ts";
import type { Fault } from "./recovery.ts";
import type { TrialSite } from "./trial-site.ts";
import { twoUpdates } from "./two-updates.ts";
import { startUpdate } from "./update.ts";
import { bringWorkloadImage, deployWorkload, describeFared, watchWhile } from "./workload.ts";

/** Nodes of the site that K3s's faults are tried on; the first three are servers. */
export const k3sFaultNodes = 4;

/** Cuts each node's power in turn at this moment of an update; each cut ends the update, and the next one goes on. */
async function cutEachNode(trial: TrialSite, moment: Moment): Promise<string[]> {
  const lost: string[] = [];
  for (const node of trial.nodes) {
    await trial.unlock();
    // Transfers go to all nodes side by side: this node's has to come again.
    if (moment.name.includes("transfer")) await trial.onNode(node, `rm -f ${dirname(binaryPath)}/.k3s.*.bramble-*`);
    const update = await startUpdate(trial.stack);
    try {
      await waitForMoment(trial, node, moment, update);
    } catch (error) {
      // An update that was only late to notice the cut before may have done this node as well.
      if ((await update.end).code !== 0) throw error;
      lost.push(`${node}: the moment had passed`);
      continue;
    }
    await cutPower(trial.twin, node);
    await restorePower(trial.twin, node);
    const { code } = await update.end;
    await trial.waitFor(node);
    lost.push(`${node}: ${code === 0 ? "the same up went on" : "the up that ran"}`);
  }
  return lost;
}

/** On all nodes, one after the other, while the cluster is made. */
function cutDuringInstall(moment: string): Fault {
  return {
    name: `power cut on each node: ${moment}`,
    fromBlank: true,
    async inject(trial) {
      const lost = await cutEachNode(trial, momentOf(moment));
      return { injected: `each node lost power, page cache included, at its ${moment}`, lost: lost.join("; ") };
    },
  };
}

/** On all nodes, one after the other, while the cluster is upgraded; a workload is asked meanwhile. */
function cutDuringUpgrade(moment: string): Fault {
  return {
    name: `power cut on each node: ${moment}`,
    fromBlank: true,
    async inject(trial) {
      await trial.useK3s("1.34");
      await bringWorkloadImage(trial);
      await trial.up();
      await deployWorkload(trial);
      await trial.useK3s("1.35");
      let lost: string[] = [];
      const fared = await watchWhile(trial, async () => {
        lost = await cutEachNode(trial, momentOf(moment));
      });
      return {
        injected: `each node lost power, page cache included, at its ${moment} from 1.34 to 1.35`,
        lost: [...lost, describeFared(fared)].join("; "),
      };
    },
  };
}

/** The server that founded the cluster is gone, card and all; a new card under its name takes its place. */
const lostServer: Fault = {
  name: "first server lost for good",
  async inject(trial) {
    await deployWorkload(trial);
    const [first = ""] = trial.nodes;
    const fared = await watchWhile(trial, async () => {
      await removeNode(trial.twin, first);
      // Long enough for etcd to elect another leader.
      await sleep(20_000);
      const without = await (await startUpdate(trial.stack)).end;
      if (without.code !== 0) throw new Error(`an up with a server gone failed:\n${without.output}`);
      await trial.powerOn();
      await trial.up();
    });
    return {
      injected: `${first} removed with its card; later a newly written card under its name`,
      lost: describeFared(fared),
    };
  },
};

/** An agent's cable is pulled while its K3s is to be changed. */
const cutAgentLink: Fault = {
  name: "link cut between servers and agent",
  async inject(trial) {
    await deployWorkload(trial);
    const agent = trial.nodes.at(-1) ?? "";
    trial.configure((site) => {
      site.k3s = { ...(site.k3s as object), containerLog: { megabytes: 11 } };
    });
    const fared = await watchWhile(trial, async () => {
      await cutLink(trial.twin, agent);
      const { code, output } = await (await startUpdate(trial.stack)).end;
      await restoreLink(trial.twin, agent);
      if (code === 0) throw new Error("an up succeeded although an agent that it had to change was cut off");
      if (!output.includes(agent)) throw new Error(`the up does not name ${agent}:\n${output}`);
    });
    return {
      injected: `${agent}'s cable pulled during an up that changes all nodes' configuration`,
      lost: `the up that ran; ${describeFared(fared)}`,
    };
  },
};

/** K3s's executable on a node is not what it was. */
const damagedOnNode: Fault = {
  name: "artefact damaged on a node",
  async inject(trial) {
    const node = trial.nodes.at(-1) ?? "";
    // Of the same size, at its end, where nothing that runs reads: only its digest tells.
    await trial.onNode(
      node,
      `cp ${binaryPath} /tmp/k3s; printf x | dd of=/tmp/k3s bs=1 seek=5000 conv=notrunc 2>/dev/null; mv /tmp/k3s ${binaryPath}`,
    );
    return { injected: `one byte of ${node}'s ${binaryPath} changed`, lost: "nothing" };
  },
};

/** The artefact on the machine that runs Pulumi is not what the configuration says. */
const damagedHere: Fault = {
  name: "artefact damaged before it is sent",
  async inject(trial) {
    const node = trial.nodes.at(-1) ?? "";
    const good = trial.config().k3s.binary;
    const bad = join(stateDirectory, `damaged-${trial.stack}`);
    await copyFile(good.file ?? "", bad);
    await appendFile(bad, "x");
    const use = (file: string | undefined) => {
      trial.configure((site) => {
        site.k3s = { ...(site.k3s as object), binary: { ...good, file } };
      });
    };
    try {
      use(bad);
      await trial.onNode(node, `rm ${binaryPath}`);
      const { code, output } = await (await startUpdate(trial.stack)).end;
      if (code === 0) throw new Error("an up sent an artefact that is not what its digest says");
      if (!/digest|sha256/i.test(output)) throw new Error(`the up does not say what is wrong:\n${output}`);
    } finally {
      use(good.file);
      await rm(bad, { force: true });
    }
    return {
      injected: `K3s's executable on this machine longer by a byte, and missing on ${node}`,
      lost: "the up that ran; it said why",
    };
  },
};

/** All that can go wrong in a cluster's life; those that begin with blank nodes last, since each of them takes a bootstrap. */
export const k3sFaults: readonly Fault[] = [
  lostServer,
  cutAgentLink,
  damagedOnNode,
  damagedHere,
  twoUpdates,
  killedDuring(momentOf("K3s start")),
  ...["K3s artefact transfer", "K3s start"].map(cutDuringInstall),
  ...["drain", "upgrade transfer", "upgrade restart"].map(cutDuringUpgrade),
];
