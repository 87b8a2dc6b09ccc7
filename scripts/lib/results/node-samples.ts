import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { z } from "zod";
import { UserError } from "../../../stacks/user-error.ts";
import type { ProbeSample } from "../../../workloads/probe/sample.ts";
import type { RunOnNode } from "./node-journals.ts";

/** A span of Unix time in ms. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

const script = readFileSync(join(import.meta.dirname, "read-samples.py"), "utf8");
const answerSchema = z.object({ lines: z.int().min(0), data: z.base64() });

/**
 * What a node's probe sampled in a span of time, as NDJSON; empty where the node has no probe.
 * @throws UserError where the node can't be read
 */
export async function readSamples(node: string, run: RunOnNode, directory: string, span: Interval): Promise<string> {
  const argv = ["sudo", "-n", "python3", "-I", "-B", "-c", script];
  const { stdout, stderr, code } = await run(argv, {
    stdin: JSON.stringify({ directory, ...span }),
    timeoutSeconds: 300,
  });
  if (code !== 0)
    throw new UserError({
      what: `${directory} could not be read (exit code ${code}): ${stderr.trim().split("\n").at(-1) ?? ""}`,
      where: `node ${node}`,
      next: "see that the node is up and reachable",
    });
  return inflateSync(Buffer.from(answerSchema.parse(JSON.parse(stdout)).data, "base64")).toString("utf8");
}

const number = z.number().nullable();
const sampleSchema: z.ZodType<ProbeSample> = z.object({
  at: z.number(),
  up: z.number(),
  cpu: number,
  memory: z.object({ total: z.number(), available: z.number() }),
  cgroups: z.record(z.string(), z.number()),
  frequency: number,
  temperature: number,
  throttled: number,
  fan: number,
  watts: number,
});

/** Samples of NDJSON, in their order; lines that are none are left out. */
export function parseSamples(ndjson: string): ProbeSample[] {
  return ndjson.split("\n").flatMap((line) => {
    if (line === "") return [];
    try {
      return sampleSchema.safeParse(JSON.parse(line)).data ?? [];
    } catch {
      return [];
    }
  });
}
