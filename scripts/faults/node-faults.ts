import { droppedFromNode, droppedToNode, silentLink } from "./dropped-ssh.ts";
import { fullDisk } from "./full-disk.ts";
import { killedUpdates } from "./killed-update.ts";
import { powerCuts } from "./power-cut.ts";
import type { Fault } from "./recovery.ts";
import { skewedClock } from "./skewed-clock.ts";
import { twoUpdates } from "./two-updates.ts";
import { wrongNode } from "./wrong-node.ts";

/** All that can go wrong with nodes; those that begin with blank nodes last, since each of them takes a bootstrap. */
export const nodeFaults: readonly Fault[] = [
  droppedToNode,
  droppedFromNode,
  silentLink,
  fullDisk,
  skewedClock,
  wrongNode,
  twoUpdates,
  ...killedUpdates,
  ...powerCuts,
];

const inShort = [
  ...["ssh dropped: to the node", "ssh dropped: from the node", "wrong node at the address"],
  ...["up killed: K3s artefact transfer", "power cut: preparation files", "power cut: K3s start"],
];

/** The few that the live suite tries each time. */
export const shortNodeFaults: readonly Fault[] = nodeFaults.filter(({ name }) => inShort.includes(name));
