/**
 * What Pulumi runs for a card: `node cards/check-card.ts`, with endpoint, stamp and bootSeconds as JSON on stdin. Waits for
 * the node, saying why on stderr, checks its card, and prints the node's facts as JSON.
 */
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { NodeReport } from "../nodes/facts.ts";
import { observe } from "../nodes/observe.ts";
import { endpointSchema, type Endpoint } from "../remote/endpoint.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { UserError } from "../user-error.ts";
import { cardProblem } from "./card-problem.ts";
import { parseStamp } from "./stamp.ts";

const inputSchema = z.strictObject({ endpoint: endpointSchema, stamp: z.unknown(), bootSeconds: z.int() });

const reportEverySeconds = 10;

async function waitForNode(endpoint: Endpoint, seconds: number): Promise<NodeReport> {
  const start = Date.now();
  const waited = () => Math.round((Date.now() - start) / 1000);
  for (let reported = 0; ;) {
    const observation = await observe(endpoint, 30);
    if (!(observation instanceof NodeUnavailable) && observation.health.booted !== false) return observation;
    const { what, next } = observation instanceof NodeUnavailable ? observation : stillBooting(endpoint);
    if (waited() >= seconds)
      throw new UserError({ what: `after ${seconds} s still ${what}`, where: endpoint.node, next });
    if (waited() >= reported + reportEverySeconds) {
      reported = waited();
      console.error(`${endpoint.node}: ${what} for ${reported} s`);
    }
    await sleep(1000);
  }
}

function stillBooting({ user, address }: Endpoint) {
  return {
    what: "cloud-init at work",
    next: `see what it does with \`ssh ${user}@${address} cloud-init status --long\``,
  };
}

try {
  const { endpoint, stamp, bootSeconds } = inputSchema.parse(JSON.parse(await text(process.stdin)));
  const expected = parseStamp(JSON.stringify(stamp));
  if (expected === undefined) throw new Error("the stamp that came through stdin is none");
  const report = await waitForNode(endpoint, bootSeconds);
  const problem = cardProblem(expected, report);
  if (problem !== undefined) throw problem;
  console.log(JSON.stringify(report.facts));
} catch (error) {
  console.error(error instanceof UserError ? error.message : error);
  process.exitCode = 1;
}
