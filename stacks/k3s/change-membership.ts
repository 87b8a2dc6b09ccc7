/**
 * What Pulumi runs for a node's place in the cluster: `node k3s/change-membership.ts apply|remove`, with its input as JSON on stdin.
 * It is kept on the first of the servers whose API answers. Prints one line. Its path and its input are part of every stack's
 * state: `remove` is run from there.
 */
import { z } from "zod";
import { applyOn, applyPhase, removePhase } from "../remote/apply-phase.ts";
import { endpointSchema, type Endpoint } from "../remote/endpoint.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { phaseSchema } from "../remote/phase.ts";
import { runStackProgram } from "../remote/stack-program.ts";
import { UserError } from "../user-error.ts";
import { findLiveServer } from "./live-server.ts";

const inputSchema = z.strictObject({
  endpoint: endpointSchema,
  phase: phaseSchema,
  /** The servers that it can be kept on, the first one first. */
  servers: z.array(endpointSchema).min(1),
});

type Input = z.infer<typeof inputSchema>;

async function main(action: string | undefined, input: Input): Promise<string> {
  const { phase, servers } = input;
  const names = servers.map(({ node }) => node).join(", ");
  if (action === "apply") {
    const live = await findLiveServer(servers);
    if (live === undefined)
      throw new UserError({
        what: `no API answers on ${names}`,
        where: phase.name,
        next: "see what is amiss there (npm run doctor -- <site>), then run `pulumi up` again",
      });
    return await applyPhase(hostedBy(live.endpoint, input), applyOn(live.endpoint));
  }
  if (action !== "remove") throw new Error(`change-membership.ts knows apply and remove, not ${String(action)}`);
  try {
    const line = await remove(input);
    // A cluster that is gone for good must not keep its nodes in the state for ever.
    return line ?? `${phase.name}: no API answers on ${names}; what the cluster knows of the node stays there`;
  } catch (error) {
    // A server that went away meanwhile says nothing about the cluster.
    if (!(error instanceof NodeUnavailable)) throw error;
    console.error(`${error.where}: ${error.what}; trying again`);
    const line = await remove(input);
    if (line === undefined) throw error;
    return line;
  }
}

/**
 * What to do stands in the record of the server that it was applied on; another server has none, and does the steps that are
 * handed over all the same.
 * @returns undefined where no API answers
 */
async function remove(input: Input): Promise<string | undefined> {
  const live = await findLiveServer(input.servers);
  if (live === undefined) return undefined;
  return await removePhase(hostedBy(live.endpoint, input), applyOn(live.endpoint));
}

function hostedBy({ node }: Endpoint, { phase }: Input): Input["phase"] {
  return { ...phase, node };
}

await runStackProgram(inputSchema, (input) => main(process.argv[2], input));
