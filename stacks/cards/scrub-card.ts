/**
 * What Pulumi runs after a card's first boot: `node cards/scrub-card.ts`, with a ScrubInput as JSON on stdin. Takes the secrets of
 * first boot off the node and prints one line that says what was done. Run again, it finds that nothing is left to do.
 */
import { z } from "zod";
import { endpointSchema } from "../remote/endpoint.ts";
import { runPython } from "../remote/remote-python.ts";
import { runStackProgram } from "../remote/stack-program.ts";
import { scrubPayload, describeScrub } from "./scrub-report.ts";

const inputSchema = z.strictObject({
  endpoint: endpointSchema,
  /** The card's instance-id. */
  instance: z.string(),
  /** Texts that may no longer be found on the card. */
  secrets: z.array(z.string().min(16)),
});
export type ScrubInput = z.infer<typeof inputSchema>;

await runStackProgram(inputSchema, async ({ endpoint, instance, secrets }) => {
  const { node } = endpoint;
  return describeScrub(node, await runPython(endpoint, ["cards/scrub.py"], scrubPayload(node, instance, secrets)));
});
