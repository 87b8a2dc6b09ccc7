import { z } from "zod";
import { runIdOf } from "../../../workloads/benchmark/plan.ts";
import { UserError } from "../../../stacks/user-error.ts";
import { planJson } from "./plan-schema.ts";

const text = z.string().nullable().default(null);
const integer = z.int().nullable().default(null);

/**
 * Facts of a node as stacks/nodes/facts.ts has them. More are kept as they are, and older ones may lack some: results
 * outlive the version that wrote them. What is not known is null.
 */
export const nodeFactsSchema = z.looseObject({
  architecture: text,
  /** The board, for example "Raspberry Pi 5 Model B Rev 1.0". */
  model: text,
  /** Bytes: 16384 with the Pi 5's default kernel, 4096 nearly everywhere else. */
  pageSize: integer,
  cpus: integer,
  memoryMegabytes: integer,
  kernel: text,
  /** What systemd-detect-virt says; "none" is a real machine. */
  virtualization: text,
});
export type NodeFacts = z.infer<typeof nodeFactsSchema>;

/** The outputs of an experiment's stack that collecting needs. */
export const experimentOutputsSchema = z.object({
  runId: z.string().regex(/^[0-9a-f]{12}$/),
  plan: planJson,
  /** The site's Pulumi stack. */
  site: z.string(),
  namespace: z.string(),
  jobName: z.string(),
  /** What each model weighs by the lock; null where its digest stands in the stack's file alone. */
  modelBytes: z.record(z.string(), z.number().nullable()).default({}),
  versions: z.object({ k3s: text }).prefault({}),
  /** Facts of the nodes that the plan names, as they were at the stack's last update. */
  facts: z.record(z.string(), nodeFactsSchema).default({}),
});
export type ExperimentOutputs = z.infer<typeof experimentOutputsSchema>;

/** @throws UserError when the stack is not an experiment that is up */
export function parseExperimentOutputs(stack: string, outputs: Readonly<Record<string, unknown>>): ExperimentOutputs {
  if (outputs.runId === undefined)
    throw new UserError({
      what:
        Object.keys(outputs).length === 0 ? "has no outputs: it is not up" : "is not an experiment: it has no runId",
      where: `stack ${stack}`,
      next: `name an experiment's stack, and bring it up first: npm run up -- ${stack}`,
    });
  const result = experimentOutputsSchema.safeParse(outputs);
  if (!result.success)
    throw new UserError({
      what: `its outputs are not those of this version of Bramble:\n${z.prettifyError(result.error)}`,
      where: `stack ${stack}`,
      next: `update the stack: npm run up -- ${stack}`,
    });
  if (runIdOf(result.data.plan) !== result.data.runId)
    throw new Error(
      `stack ${stack}: its plan's digest ${runIdOf(result.data.plan)} is not its run-id ${result.data.runId}`,
    );
  return result.data;
}
