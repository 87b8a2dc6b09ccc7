import { z } from "zod";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { runPython } from "../remote/remote-python.ts";
import type { ChangeInput } from "./change-input.ts";

const answerSchema = z.union([z.object({ heir: z.string().nullable() }), z.object({ failed: z.string() })]);
/** Seconds that it may take; without it a leader is elected, which takes longer, and is no error. */
const limit = 30;

/**
 * Has another server lead etcd before this one is restarted. A leader that goes away leaves the others without one until they have
 * elected another: with K3s's timeouts of etcd up to ten seconds in which no API answers.
 */
export async function handOverLeadership({ endpoint, servers }: ChangeInput): Promise<void> {
  const heirs = heirsOf(
    endpoint.node,
    servers.map(({ node }) => node),
  );
  if (heirs.length === 0) return;
  let answer: z.infer<typeof answerSchema>;
  try {
    answer = answerSchema.parse(await runPython(endpoint, ["k3s/hand-over.py"], { heirs }, { timeoutSeconds: limit }));
  } catch (error) {
    if (!(error instanceof NodeUnavailable)) throw error;
    answer = { failed: error.what };
  }
  if ("failed" in answer) console.error(`${endpoint.node}: etcd's leadership stays where it is: ${answer.failed}`);
  else if (answer.heir !== null) console.error(`${endpoint.node}: ${answer.heir} leads etcd from now on`);
}

/** Servers are changed in their order: those that were changed come first, the next one to be restarted last. */
export function heirsOf(node: string, servers: readonly string[]): string[] {
  const place = servers.indexOf(node);
  return [...servers.slice(0, place).reverse(), ...servers.slice(place + 1).reverse()];
}
