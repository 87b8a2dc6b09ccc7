/**
 * What Pulumi runs for K3s on a node: `node k3s/change-node.ts`, with its input as JSON on stdin. Prints one line. What takes K3s off
 * again is remote/run-phase.ts.
 */
import { runStackProgram } from "../remote/stack-program.ts";
import { changeNode } from "./change-flow.ts";
import { changeInputSchema } from "./change-input.ts";

await runStackProgram(changeInputSchema, changeNode);
