import { join } from "node:path";
import { median } from "simple-statistics";
import { $ } from "zx";
import { deriveSiteKeys } from "../../stacks/keys/site-keys.ts";
import { closeConnection } from "../../stacks/remote/connection.ts";
import { endpointOf } from "../../stacks/remote/site-endpoint.ts";
import { rootOf } from "../../twin/node.ts";
import { nodeNames } from "../../twin/stack-files.ts";
import { TrialSite } from "../faults/trial-site.ts";
import { stackConfiguration } from "../lib/pulumi.ts";
import { Steps } from "../lib/steps.ts";
import { createEmptyProgram } from "./empty-program.ts";
import type { Bench } from "./figure.ts";
import { comparePairs, rounded, timed } from "./paired.ts";

/** Six pairs are the fewest that have a 95 % interval. */
const pairs = 8;
const nodes = 3;

/** An `up` with nothing to do, against the same graph that looks at no node, and against an empty program. */
export const benchSecondUp: Bench = async ({ report, signal, defer }) => {
  const trial = new TrialSite({ stack: "trial-bench", nodes: nodeNames(nodes), steps: new Steps(process.stderr) });
  defer(() => trial.close());
  const empty = await createEmptyProgram();
  try {
    await trial.close();
    await trial.open();
    await trial.powerOn();
    await trial.steps.run("first up", () => trial.up());
    await trial.up(["--expect-no-changes"]);
    const measured: { probed: number; unprobed: number; empty: number; connections: number }[] = [];
    for (let round = 0; round < pairs && !signal.aborted; round += 1) {
      // Which of both comes first takes turns.
      const looking = round % 2 === 0 ? await secondUp(trial, "on") : undefined;
      const unlooking = await secondUp(trial, "off");
      if (unlooking.logins > 0) throw new Error("BRAMBLE_PROBE=off has no effect: the baseline logged in to a node");
      const { seconds, logins: connections } = looking ?? (await secondUp(trial, "on"));
      const bare = await timed(() => empty.up());
      measured.push({ probed: seconds, unprobed: unlooking.seconds, empty: bare, connections });
    }
    const paired = comparePairs(measured.map(({ probed, unprobed }) => ({ value: probed, baseline: unprobed })));
    report({ name: "second-up", unit: "s", ...paired, limit: 1.5, nodes, against: "the same graph, probe off" });
    const bare = comparePairs(measured.map((round) => ({ value: round.probed, baseline: round.empty })));
    report({ name: "second-up-over-empty", unit: "s", ...bare, nodes, against: "an empty program" });
    report({
      name: "second-up-connections",
      value: Math.max(...measured.map(({ connections }) => connections)),
      unit: "SSH logins a node and run, the most",
      baseline: null,
      ratio: null,
      limit: 1,
      median: rounded(median(measured.map(({ connections }) => connections))),
      runs: measured.length,
      nodes,
    });
  } finally {
    await empty.remove();
    await trial.close();
  }
};

/** BRAMBLE_PROBE=off makes the site's program look at no node. */
async function secondUp(trial: TrialSite, probe: "on" | "off"): Promise<{ seconds: number; logins: number }> {
  await closeConnections(trial);
  const before = await logins(trial);
  if (probe === "off") process.env.BRAMBLE_PROBE = "off";
  try {
    const seconds = await timed(() => trial.up(["--expect-no-changes"]));
    const after = await logins(trial);
    return { seconds, logins: Math.max(...after.map((count, index) => count - (before[index] ?? 0))) };
  } finally {
    delete process.env.BRAMBLE_PROBE;
  }
}

/** A run that is measured finds no connection of the one before. */
async function closeConnections(trial: TrialSite): Promise<void> {
  const { rootSecret } = await stackConfiguration(trial.stack);
  const site = trial.config();
  const keys = deriveSiteKeys(String(rootSecret), site);
  await Promise.all(trial.nodes.map((node) => closeConnection(endpointOf(site, node, keys))));
}

/** How often each node's sshd has let somebody in, read from the node's journal without logging in. */
async function logins(trial: TrialSite): Promise<number[]> {
  return await Promise.all(
    trial.nodes.map(async (node) => {
      const journal = join(await rootOf(trial.twin, node), "var/log/journal");
      const { stdout } = await $({ quiet: true })`journalctl --directory=${journal} --quiet --output=cat _COMM=sshd`;
      return stdout.split("\n").filter((line) => line.startsWith("Accepted publickey")).length;
    }),
  );
}
