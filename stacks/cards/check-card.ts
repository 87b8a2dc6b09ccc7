/**
 * What Pulumi runs for a card: `node cards/check-card.ts`, with a CheckCardInput as JSON on stdin. Waits for the node, saying why on
 * stderr, checks its card and board, and prints the node's facts as JSON. Changes nothing.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { label } from "../config/fields.ts";
import { nodeSchema } from "../config/node.ts";
import { unmetExpectations } from "../nodes/expectations.ts";
import type { NodeReport } from "../nodes/facts.ts";
import { observe } from "../nodes/observe.ts";
import { endpointSchema } from "../remote/endpoint.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { runStackProgram } from "../remote/stack-program.ts";
import { UserError } from "../user-error.ts";
import { waitingLine } from "./card-plan.ts";
import { cardProblem } from "./card-problem.ts";
import { findWrittenCard } from "./written-cards.ts";

const inputSchema = z.strictObject({
  endpoint: endpointSchema,
  stack: z.string(),
  /** Left out for an adopted node. */
  card: z.strictObject({ site: label, node: label, generation: z.int().min(1) }).optional(),
  expect: nodeSchema.shape.expect,
  bootSeconds: z.int(),
});
export type CheckCardInput = z.infer<typeof inputSchema>;

const reportEverySeconds = 10;
/** How long another host key may answer: an image's own sshd can be up before cloud-init has laid down ours. */
const otherKeySeconds = 60;

async function waitForNode({ endpoint, card, bootSeconds }: CheckCardInput): Promise<NodeReport> {
  const start = Date.now();
  const waited = () => Math.round((Date.now() - start) / 1000);
  let otherKeySince: number | undefined;
  for (let reported = 0; ;) {
    const observation = await observe(endpoint, 30);
    if (!(observation instanceof NodeUnavailable) && observation.health.booted !== false) return observation;
    const { what, next } = observation instanceof NodeUnavailable ? observation : stillBooting(endpoint);
    const otherKey = observation instanceof NodeUnavailable && observation.reason === "host-key";
    otherKeySince = otherKey ? (otherKeySince ?? waited()) : undefined;
    if (waited() >= bootSeconds || (otherKeySince !== undefined && waited() >= otherKeySince + otherKeySeconds))
      throw new UserError({ what: `after ${waited()} s still ${what}`, where: endpoint.node, next });
    if (waited() >= reported + reportEverySeconds) {
      reported = waited();
      // The card may be written while this waits.
      const written = card && (await findWrittenCard(card.site, card.node));
      console.error(waitingLine({ node: endpoint.node, what, seconds: reported, card, written, now: new Date() }));
    }
    await sleep(1000);
  }
}

function stillBooting({ user, address }: CheckCardInput["endpoint"]) {
  return {
    what: "cloud-init at work",
    next: `see what it does with \`ssh ${user}@${address} cloud-init status --long\``,
  };
}

async function main(input: CheckCardInput): Promise<string> {
  const { stack, card, expect } = input;
  const { node } = input.endpoint;
  const report = await waitForNode(input);
  const problem = cardProblem({ stack, node, expected: card }, report);
  if (problem !== undefined) throw problem;
  const unmet = unmetExpectations(expect, report.facts);
  if (unmet.length > 0)
    throw new UserError({
      what: `is not the board that the configuration expects: ${unmet.join("; ")}`,
      where: node,
      next: `put the right board in place, or correct nodes.${node}.expect`,
    });
  return JSON.stringify(report.facts);
}

await runStackProgram(inputSchema, main);
