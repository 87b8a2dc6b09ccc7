import { observe } from "../../../stacks/nodes/observe.ts";
import type { Endpoint } from "../../../stacks/remote/endpoint.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import type { Manifest } from "./manifest.ts";

/** A node as it was when a run was collected. */
export type NodeAfter = Manifest["nodesAfter"][string];

/** Seconds that a node may take to tell: what was measured is here already, and does not wait for it. */
const limit = 30;

/** Reads a node; one that does not answer is no reason not to seal what it measured. */
export async function readNodeAfter(endpoint: Endpoint): Promise<NodeAfter> {
  const sentAt = Date.now();
  const seen = await observe(endpoint, limit);
  const receivedAt = Date.now();
  if (seen instanceof NodeUnavailable) return unknownAfter(seen.what);
  return {
    facts: seen.facts,
    throttled: seen.health.throttled,
    boot: seen.health.boot,
    k3s: seen.k3s.version,
    clock: {
      // The node read its clock at some moment between question and answer.
      offsetMilliseconds: Math.round(seen.health.clock * 1000 - (sentAt + receivedAt) / 2),
      uncertaintyMilliseconds: Math.ceil((receivedAt - sentAt) / 2),
    },
    problem: null,
  };
}

export function unknownAfter(problem: string): NodeAfter {
  return { facts: null, throttled: null, boot: null, k3s: null, clock: null, problem };
}
