/**
 * What Pulumi runs for each phase: `node remote/run-phase.ts apply|remove`, with endpoint and phase as JSON on stdin.
 * Prints one line that says what it did. Its path and its input are part of every stack's state: `remove` is run from there.
 */
import { z } from "zod";
import { applyOn, applyPhase, removePhase, type Apply } from "./apply-phase.ts";
import { endpointSchema } from "./endpoint.ts";
import { NodeUnavailable } from "./node-unavailable.ts";
import { phaseSchema, type Phase } from "./phase.ts";
import { runStackProgram } from "./stack-program.ts";

/** Some phases are applied by a program of their own, which takes more: a removal needs no more than these. */
const inputSchema = z.object({ endpoint: endpointSchema, phase: phaseSchema });

async function main(action: string | undefined, { endpoint, phase }: z.infer<typeof inputSchema>): Promise<string> {
  const apply = applyOn(endpoint);
  if (action === "apply") return await applyPhase(phase, apply);
  if (action !== "remove") throw new Error(`run-phase.ts knows apply and remove, not ${String(action)}`);
  try {
    return await removeEvenIfBroken(phase, apply);
  } catch (error) {
    // A node that is gone for good must not keep its resources in the state for ever.
    if (!(error instanceof NodeUnavailable) || error.midway) throw error;
    return `${error.where}: ${error.what}; what it has of ${phase.name} stays there`;
  }
}

/** A connection that broke off says nothing about what was removed, nor that the node is gone: the node is asked again. */
async function removeEvenIfBroken(phase: Phase, apply: Apply): Promise<string> {
  try {
    return await removePhase(phase, apply);
  } catch (error) {
    if (!(error instanceof NodeUnavailable) || !error.midway) throw error;
    console.error(`${error.where}: ${error.what}; trying again`);
    return await removePhase(phase, apply);
  }
}

await runStackProgram(inputSchema, (input) => main(process.argv[2], input));
