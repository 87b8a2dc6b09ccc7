import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { parseSite } from "../../stacks/config/parse.ts";
import { removeNode, rootOf, startNode, stopNode, waitForSsh } from "../../twin/node.ts";
import { stackFile, stackKey } from "../../twin/stack-files.ts";
import { pulumi } from "../lib/pulumi.ts";
import { writeCards } from "../lib/raise-twin.ts";
import { ensureRootSecret, ensureStack } from "../lib/twin-stacks.ts";
import type { Fault } from "./recovery.ts";
import type { TrialSite } from "./trial-site.ts";
import { startUpdate } from "./update.ts";

const stranger = "stranger";

/** Another machine answers at a node's address: a node of another site, whose root secret and host key are others. */
export const wrongNode: Fault = {
  name: "wrong node at the address",
  async inject(trial) {
    const node = trial.nodes.at(-1) ?? "";
    const { address } = trial.nodeOf(node);
    await stopNode(trial.twin, node);
    // With something to do on every node: an up with nothing to do would only look.
    trial.configure((site) => {
      site.preparation = { journalMegabytes: 150 };
    });
    try {
      await bootStranger(trial, address);
      const { code, output } = await (await startUpdate(trial.stack)).end;
      if (!/host key/i.test(output) || !output.includes(node))
        throw new Error(`the up does not name the node and its host key:\n${output}`);
      const root = await rootOf(trial.twin, stranger);
      if (existsSync(join(root, "var/lib/bramble"))) throw new Error("something was written on the other machine");
      return {
        injected: `${node} taken out; a node of another site, with its own host key, answered at ${address}`,
        lost: code === 0 ? "nothing: the up changed nothing and warned" : "the up that ran; it refused the host key",
      };
    } finally {
      await removeStranger(trial);
      await startNode(trial.twin, node);
    }
  },
};

const stackOf = (trial: TrialSite) => `${trial.stack}-${stranger}`;

async function bootStranger(trial: TrialSite, address: string): Promise<void> {
  const stack = stackOf(trial);
  const site = stackKey(trial.stack, "site") as Record<string, unknown>;
  const nodes = { [stranger]: { role: "server", address } };
  await ensureStack(stack, "site", { ...site, name: stack, nodes, images: [] });
  await ensureRootSecret(stack);
  await writeCards(trial.twin, stack, parseSite(stack, stackKey(stack, "site")), () => undefined);
  await startNode(trial.twin, stranger);
  await waitForSsh(trial.twin, { name: stranger, address });
}

async function removeStranger(trial: TrialSite): Promise<void> {
  await removeNode(trial.twin, stranger);
  await pulumi(["stack", "rm", "--force", "--yes", stackOf(trial)], { allowFailure: true });
  await rm(stackFile(stackOf(trial)), { force: true });
}
