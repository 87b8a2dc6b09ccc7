import type { Endpoint } from "../remote/endpoint.ts";
import { NodeUnavailable } from "../remote/node-unavailable.ts";
import { recordsDirectory } from "../remote/phase.ts";
import { runPython } from "../remote/remote-python.ts";
import { clockSkew } from "./clock-skew.ts";
import { reportSchema, type NodeReport } from "./facts.ts";

/** What a node said, or why it said nothing. */
export type Observation = NodeReport | NodeUnavailable;

/** The card's stamp on a running node. */
export const stampOnNode = "/boot/firmware/bramble.json";

const program = ["remote/managed.py", "nodes/probe.py"];

/**
 * Reads a node; changes nothing on it.
 * @param timeoutSeconds for everything, the connection included
 */
export async function observe(endpoint: Endpoint, timeoutSeconds: number): Promise<Observation> {
  try {
    const payload = { stamp: stampOnNode, records: recordsDirectory };
    const sentAt = Date.now();
    const report = reportSchema.parse(await runPython(endpoint, program, payload, { timeoutSeconds }));
    return { ...report, clockSkew: clockSkew(sentAt, Date.now(), report.health.clock) };
  } catch (error) {
    if (error instanceof NodeUnavailable) return error;
    throw error;
  }
}
