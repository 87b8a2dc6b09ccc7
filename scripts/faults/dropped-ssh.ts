import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { run } from "../../stacks/remote/connection.ts";
import { endpointOf } from "../../stacks/remote/site-endpoint.ts";
import { dropConnectionsAfter, trafficOf } from "../../twin/faults-connection.ts";
import { cutLink, restoreLink } from "../../twin/faults.ts";
import { stackConfiguration } from "../lib/pulumi.ts";
import { journalName } from "../lib/results/layout.ts";
import { digestsOf, nodeJournals, type RunOnNode } from "../lib/results/node-journals.ts";
import { loseArtefact } from "./moments.ts";
import type { Fault } from "./recovery.ts";
import type { TrialSite } from "./trial-site.ts";
import { startUpdate } from "./update.ts";

const bytes = 20_000_000;

/** The connection breaks while an artefact goes to the node. */
export const droppedToNode: Fault = {
  name: "ssh dropped: to the node",
  async inject(trial) {
    const node = trial.nodes.at(-1) ?? "";
    await loseArtefact(trial, node);
    const update = await startUpdate(trial.stack);
    const gone = await dropConnectionsAfter(trial.twin, node, { direction: "toNode", bytes, signal: update.over });
    if (gone === undefined) throw new Error("the up ended before the connection was dropped");
    const { code } = await update.end;
    return {
      injected: `all SSH connections of ${node} ended ${gone} bytes into the transfer of K3s's executable`,
      lost: code === 0 ? "nothing: the same up sent it again" : `the up that ran, and the bytes sent`,
    };
  },
};

/**
 * The connection breaks while a node sends the journal of a block to collect. Nothing measures here: the journal is made up
 * of random bytes, which no compression shortens, and read by what `npm run collect` reads journals with.
 */
export const droppedFromNode: Fault = {
  name: "ssh dropped: from the node",
  async inject(trial) {
    const node = trial.nodes.at(-1) ?? "";
    const directory = "/var/lib/bramble/results/dropped-connection";
    await trial.onNode(
      node,
      `mkdir -p ${directory}; head -c 60000000 /dev/urandom | base64 > ${directory}/${journalName(0)}`,
    );
    const journals = nodeJournals(node, await runOn(trial, node), directory);
    const over = new AbortController();
    const directoryHere = await mkdtemp(join(tmpdir(), "bramble-dropped-"));
    const file = join(directoryHere, journalName(0));
    const fetched = journals.copy(0, file).then(
      () => "whole" as const,
      () => "refused" as const,
    );
    void fetched.finally(() => {
      over.abort();
    });
    const gone = await dropConnectionsAfter(trial.twin, node, {
      direction: "fromNode",
      bytes,
      signal: over.signal,
    });
    if (gone === undefined) throw new Error("the journal was all here before the connection was dropped");
    if ((await fetched) === "whole") throw new Error("a journal that did not all arrive was taken for whole");
    const kept = (await stat(`${file}.arriving`)).size;
    await journals.copy(0, file);
    const again = digestsOf(await readFile(file)).sha256;
    await rm(directoryHere, { recursive: true });
    const listed = (await journals.list()).get(0)?.sha256;
    if (again !== listed) throw new Error("the journal that arrived the second time is another one");
    await trial.onNode(node, `rm -r ${directory}`);
    return {
      injected: `all SSH connections of ${node} ended ${gone} bytes into the transfer of a block's journal to collect`,
      lost: `nothing: ${kept} bytes were kept, and the second copy went on after them`,
    };
  },
};

/** The link is silent instead of broken: nobody says that the connection is gone. */
export const silentLink: Fault = {
  name: "ssh dropped: silent link",
  async inject(trial) {
    const node = trial.nodes.at(-1) ?? "";
    await loseArtefact(trial, node);
    const before = (await trafficOf(trial.twin, node)).toNode;
    const update = await startUpdate(trial.stack);
    while ((await trafficOf(trial.twin, node)).toNode - before < bytes) {
      if (update.over.aborted) throw new Error("the up ended before the link was cut");
      await sleep(5);
    }
    await cutLink(trial.twin, node);
    const { code } = await update.end;
    await restoreLink(trial.twin, node);
    return {
      injected: `${node}'s cable pulled ${bytes} bytes into the transfer of K3s's executable, until the up had ended`,
      lost: code === 0 ? "nothing" : "the up that ran, and the bytes sent",
    };
  },
};

async function runOn(trial: TrialSite, node: string) {
  const { rootSecret } = await stackConfiguration(trial.stack);
  const site = trial.config();
  const endpoint = endpointOf(site, node, deriveSiteKeys(String(rootSecret), site));
  return (argv: readonly string[], options: Parameters<RunOnNode>[1]) => run(endpoint, argv, options);
}
