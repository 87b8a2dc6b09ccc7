/**
 * What Pulumi runs after a node's preparation: `node nodes/reboot-node.ts`, with its input as JSON on stdin. Reboots the node if
 * something needs that, once for all reasons, never while the site measures, and waits until it is back. Prints one line.
 */
import { z } from "zod";
import { closeConnection, run } from "../remote/connection.ts";
import { endpointSchema } from "../remote/endpoint.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { runStackProgram } from "../remote/stack-program.ts";
import { UserError } from "../user-error.ts";
import { awaitReboot } from "./await-reboot.ts";
import type { NodeReport } from "./facts.ts";
import { kubectlAmong } from "../k3s/live-server.ts";
import { withoutMeasurements } from "./measuring-lease.ts";
import { observe } from "./observe.ts";

const inputSchema = z.strictObject({
  endpoint: endpointSchema,
  /** The site's servers, which know whether somebody measures. */
  servers: z.array(endpointSchema).min(1),
  bootSeconds: z.int(),
});

/** Seconds that one look at a node may take. */
const lookSeconds = 30;

async function main({ endpoint, servers, bootSeconds }: z.infer<typeof inputSchema>): Promise<string> {
  const { node } = endpoint;
  const before = await observe(endpoint, lookSeconds);
  if (before instanceof NodeUnavailable) throw before;
  const reasons = [...new Set(before.health.rebootNeeded)];
  if (reasons.length === 0) return `${node}: no reboot needed`;
  const start = performance.now();
  console.error(`${node}: needs a reboot (${reasons.join("; ")})`);
  // Where no API answers, the silence of the first server says how long nobody can have measured.
  await withoutMeasurements(kubectlAmong(servers), node, () => reboot(endpoint, before, bootSeconds));
  return `${node}: rebooted in ${Math.round((performance.now() - start) / 1000)} s (${reasons.join("; ")})`;
}

async function reboot(endpoint: Endpoint, before: NodeReport, seconds: number): Promise<NodeReport> {
  try {
    const argv = ["sudo", "-n", "systemctl", "--no-block", "reboot"];
    const { code, stderr } = await run(endpoint, argv, { timeoutSeconds: lookSeconds });
    if (code !== 0) throw new Error(`${endpoint.node} cannot be rebooted: ${stderr.trim()}`);
  } catch (error) {
    // It may be gone before it answered; that it went is seen below.
    if (!(error instanceof UserError)) throw error;
  }
  await closeConnection(endpoint);
  return await awaitReboot(() => observe(endpoint, lookSeconds), before, {
    node: endpoint.node,
    seconds,
    say: (line) => {
      console.error(line);
    },
  });
}

await runStackProgram(inputSchema, main);
