import { dirname } from "node:path";
import { z } from "zod";
import { resultsDirectory } from "../../workloads/benchmark/job.ts";
import type { Endpoint } from "../remote/endpoint.ts";
import { runPython } from "../remote/remote-python.ts";

/** SHA-256 of the first line of each block that began, by run-id: blocks that share it are of one measurement. */
export type RunsOnNode = ReadonlyMap<string, readonly string[]>;

/** Seconds that one node may take to list its runs. */
const seconds = 60;

const listSchema = z.record(z.string(), z.array(z.string()));

/** The runs that left journals on a node. @throws NodeUnavailable, UserError */
export async function readRuns(endpoint: Endpoint): Promise<RunsOnNode> {
  const payload = { directory: dirname(resultsDirectory("run")) };
  const listed = await runPython(endpoint, ["destroy/runs-on-node.py"], payload, { timeoutSeconds: seconds });
  return new Map(Object.entries(listSchema.parse(listed)));
}
