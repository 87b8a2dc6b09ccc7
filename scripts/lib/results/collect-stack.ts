import { relative } from "node:path";
import { parseStackConfig } from "../../../stacks/config/parse.ts";
import { deriveSiteKeys } from "../../../stacks/keys/site-keys.ts";
import { run } from "../../../stacks/remote/connection.ts";
import type { Endpoint } from "../../../stacks/remote/endpoint.ts";
import { endpointOf } from "../../../stacks/remote/site-endpoint.ts";
import { root } from "../../../stacks/root.ts";
import { probeDirectory } from "../../../workloads/probe/daemon-set.ts";
import { resultsDirectory } from "../../../workloads/benchmark/job.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { stackConfiguration, stackOutputs } from "../pulumi.ts";
import { collectRun, type Collected } from "./collect-run.ts";
import { parseExperimentOutputs } from "./experiment-outputs.ts";
import { resultsLayout } from "./layout.ts";
import { readNodeAfter } from "./node-after.ts";
import { nodeJournals, type RunOnNode } from "./node-journals.ts";
import { readSamples } from "./node-samples.ts";
import { readProvenance } from "./provenance.ts";

/**
 * Collects the last run of an experiment's stack from its runner's node.
 * @param options.final the run will not go on: seal it even where blocks are missing or unusable
 * @throws UserError when the stack is not up, or its node can't be reached
 */
export async function collectStack(
  stack: string,
  options: { final: boolean; signal: AbortSignal },
): Promise<Collected> {
  const outputs = parseExperimentOutputs(stack, await stackOutputs(stack));
  const endpointAt = nodesOf(outputs.site);
  const nodeOf = async (node: string): Promise<RunOnNode> => {
    const endpoint = await endpointAt(node);
    return (argv, given) => run(endpoint, argv, given);
  };
  const { runner } = outputs.plan.nodes;
  return collectRun({
    stack,
    outputs,
    layout: resultsLayout(),
    journals: async () => nodeJournals(runner, await nodeOf(runner), resultsDirectory(outputs.runId)),
    samples: async (node, span) => await readSamples(node, await nodeOf(node), probeDirectory, span),
    nodeAfter: async (node) => await readNodeAfter(await endpointAt(node)),
    provenance: readProvenance,
    now: () => new Date(),
    ...options,
  });
}

/** The stack's line, then the note and each block that is not sealed. */
export function describeCollected({ stack, measurement, outcome, directory, blocks, note }: Collected): string {
  const sealed = blocks.filter(({ state }) => state === "sealed").length;
  const said = {
    present: "is sealed already, nothing to do",
    sealed: `sealed, ${sealed} of ${blocks.length} blocks`,
    partial: `not sealed yet, ${sealed} of ${blocks.length} blocks`,
  };
  const others = blocks.filter(({ state }) => state !== "sealed");
  return [
    `${stack}: run ${measurement} ${said[outcome]} (${relative(root, directory)})`,
    ...(note === null ? [] : [`  ${note}`]),
    ...others.map(({ block, state, problem }) => `  block ${block}: ${state}, ${problem}`),
  ].join("\n");
}

/** Whether all that the node holds is sealed. */
export function isWhole({ outcome, note }: Collected): boolean {
  return outcome === "sealed" || (outcome === "present" && note === null);
}

/** Where the nodes of a site answer, by what its configuration pins. */
function nodesOf(site: string): (node: string) => Promise<Endpoint> {
  let opened: Promise<(node: string) => Endpoint> | undefined;
  return async (node) => (await (opened ??= openSite(site)))(node);
}

async function openSite(site: string): Promise<(node: string) => Endpoint> {
  const { rootSecret, ...values } = await stackConfiguration(site);
  const config = parseStackConfig(site, values);
  if (config.kind !== "site" || typeof rootSecret !== "string")
    throw new UserError({
      what: config.kind === "site" ? "has no bramble:rootSecret" : "is not a site",
      where: `Pulumi.${site}.yaml`,
      next: "restore the file that the site was made from: the keys to its nodes are derived from it",
    });
  const keys = deriveSiteKeys(rootSecret, config.site);
  return (node) => endpointOf(config.site, node, keys);
}
