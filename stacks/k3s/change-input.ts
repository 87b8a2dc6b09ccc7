import { z } from "zod";
import { endpointSchema } from "../remote/endpoint.ts";
import { phaseSchema } from "../remote/phase.ts";

/** What changing K3s on a node takes beside its phase and endpoint. */
const nodeChangeSchema = z.strictObject({
  role: z.enum(["server", "agent"]),
  version: z.string(),
  /** All the site's, in the configuration's order: the first founds the cluster. */
  servers: z.array(endpointSchema).min(1),
  /** A server's. */
  tokens: z.strictObject({ short: z.string(), pinned: z.string() }).nullable(),
  maxUnavailable: z.int().min(1),
  drainSeconds: z.int(),
});
export type NodeChange = z.infer<typeof nodeChangeSchema>;

export const changeInputSchema = nodeChangeSchema.extend({ endpoint: endpointSchema, phase: phaseSchema });
export type ChangeInput = z.infer<typeof changeInputSchema>;
