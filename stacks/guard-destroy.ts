/**
 * What Pulumi runs for a guard: `node guard-destroy.ts watch|destroy`, with its input as JSON on stdin. `watch` changes nothing
 * and says what is guarded; `destroy` fails while there are results that nobody collected. Its path and its input are part of
 * every stack's state: `destroy` is run from there.
 */
import { join } from "node:path";
import { z } from "zod";
import { collectedRuns } from "./destroy/collected-runs.ts";
import { describeUncollected, uncollectedOn, type Uncollected } from "./destroy/uncollected.ts";
import { readRuns } from "./destroy/runs-on-node.ts";
import { endpointSchema, type Endpoint } from "./remote/endpoint.ts";
import { NodeUnavailable } from "./remote/node-unavailable.ts";
import { runStackProgram } from "./remote/stack-program.ts";
import { root } from "./root.ts";
import { UserError } from "./user-error.ts";

const inputSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("site"),
    stack: z.string(),
    /** The stacks whose results may lie there. */
    experiments: z.array(z.string()),
    endpoints: z.array(endpointSchema),
  }),
  z.strictObject({ kind: z.literal("experiment"), stack: z.string(), runId: z.string() }),
]);
export type GuardInput = z.infer<typeof inputSchema>;

type SiteGuard = Extract<GuardInput, { kind: "site" }>;
type ExperimentGuard = Extract<GuardInput, { kind: "experiment" }>;

const results = join(root, "results");

async function main(action: string | undefined, input: GuardInput): Promise<string> {
  if (action === "watch") return describeGuarded(input);
  if (action !== "destroy") throw new Error(`guard-destroy.ts knows watch and destroy, not ${String(action)}`);
  // Of the environment, since it is meant for this one destroy: configuration would stay.
  const discard = process.env.BRAMBLE_DISCARD_RESULTS === "yes";
  return await (input.kind === "site" ? destroySite(input, discard) : destroyExperiment(input, discard));
}

function describeGuarded(input: GuardInput): string {
  if (input.kind === "experiment") return `${input.stack}: run ${input.runId} is to be collected before a destroy`;
  return `${input.stack}: what is measured on ${input.endpoints.map(({ node }) => node).join(", ")} is to be collected before a destroy`;
}

async function destroySite({ stack, experiments, endpoints }: SiteGuard, discard: boolean): Promise<string> {
  const found = (await Promise.all(endpoints.map((endpoint) => lookAt(endpoint, discard)))).flat();
  if (found.length === 0) return `${stack}: no results are left to be collected`;
  if (discard) return `${stack}: given up\n${describeUncollected(found)}`;
  const named = experiments.length === 0 ? "" : ` (this site's experiments: ${experiments.join(", ")})`;
  throw new UserError({
    what: `results lie on its nodes that were not collected on this machine:\n${describeUncollected(found)}`,
    where: stack,
    next: `collect them: npm run collect -- <stack>${named}; one that was destroyed has to be up again for that. Where they were collected on another machine, copy its results/ here. Or ${giveUp(stack)}`,
  });
}

async function lookAt(endpoint: Endpoint, discard: boolean): Promise<Uncollected[]> {
  try {
    const runs = await readRuns(endpoint);
    return await uncollectedOn(endpoint.node, runs, (runId) => collectedRuns(results, runId));
  } catch (error) {
    // A node that is gone for good must not keep its site in the state for ever, nor a broken one what was given up.
    if (!(error instanceof NodeUnavailable) && !discard) throw error;
    const what = error instanceof NodeUnavailable ? error.what : String(error);
    console.error(`${endpoint.node}: ${what}; whether results lie there is not known`);
    return [];
  }
}

/**
 * An experiment has no way to its node, which is the site's: only what was collected here shows that nothing would be lost. A run
 * that never began is not told from one that was not collected.
 */
async function destroyExperiment({ stack, runId }: ExperimentGuard, discard: boolean): Promise<string> {
  const collected = await collectedRuns(results, runId, stack);
  if (collected.length > 0) return `${stack}: run ${runId} was collected`;
  if (discard) return `${stack}: run ${runId} is given up; what it measured stays on its node`;
  throw new UserError({
    what: `run ${runId} was not collected on this machine`,
    where: stack,
    next: `npm run collect -- ${stack} (with --final where it will not go on), then destroy it again. Where it measured nothing, or nothing of worth, ${giveUp(stack)}`,
  });
}

function giveUp(stack: string): string {
  return `give it up: BRAMBLE_DISCARD_RESULTS=yes npm run pulumi -- destroy --stack ${stack}`;
}

await runStackProgram(inputSchema, (input) => main(process.argv[2], input));
