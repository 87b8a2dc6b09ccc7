/**
 * What Pulumi runs to bring K3s's artefacts to a node before anything is changed there: `node k3s/send-artefacts.ts`, with its
 * input as JSON on stdin. Prints one line. They go with the K3s phase, which they belong to.
 */
import { z } from "zod";
import { applyOn, sendArtefacts } from "../remote/apply-phase.ts";
import { endpointSchema } from "../remote/endpoint.ts";
import { phaseSchema } from "../remote/phase.ts";
import { runStackProgram } from "../remote/stack-program.ts";

const inputSchema = z.strictObject({ endpoint: endpointSchema, phase: phaseSchema });

await runStackProgram(inputSchema, async ({ endpoint, phase }) => {
  await sendArtefacts(phase, applyOn(endpoint));
  return `${endpoint.node}: K3s's artefacts are there`;
});
