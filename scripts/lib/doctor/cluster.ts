import { z } from "zod";
import type { Kubectl } from "../../../stacks/nodes/measuring-lease.ts";
import { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";

const metadata = z.object({
  name: z.string(),
  namespace: z.string().default(""),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
  creationTimestamp: z.iso.datetime().optional(),
  deletionTimestamp: z.iso.datetime().optional(),
});
const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});

const nodeSchema = z.object({
  metadata,
  spec: z.object({ unschedulable: z.boolean().optional() }).prefault({}),
  status: z
    .object({
      conditions: z.array(condition).default([]),
      nodeInfo: z.object({ kubeletVersion: z.string() }).optional(),
    })
    .prefault({}),
});
/** A Node, as far as it is looked at. */
export type ClusterNode = z.infer<typeof nodeSchema>;

const containerStatus = z.object({
  ready: z.boolean().default(false),
  state: z.object({ waiting: z.object({ reason: z.string().optional() }).optional() }).prefault({}),
});
const podSchema = z.object({
  metadata,
  status: z
    .object({
      phase: z.string().optional(),
      conditions: z.array(condition).default([]),
      containerStatuses: z.array(containerStatus).default([]),
      initContainerStatuses: z.array(containerStatus).default([]),
    })
    .prefault({}),
});
/** A Pod, as far as it is looked at. */
export type ClusterPod = z.infer<typeof podSchema>;

const leaseSchema = z.object({
  metadata,
  spec: z.object({ holderIdentity: z.string().nullish(), renewTime: z.string().nullish() }).prefault({}),
});
/** A Lease, as far as it is looked at. */
export type ClusterLease = z.infer<typeof leaseSchema>;

/** What the cluster's API said. */
export interface ClusterSeen {
  /** The server that was asked. */
  readonly through: string;
  readonly nodes: readonly ClusterNode[] | undefined;
  readonly pods: readonly ClusterPod[] | undefined;
  /** Of Bramble's own namespace. */
  readonly leases: readonly ClusterLease[] | undefined;
  /** What could not be read, and why. */
  readonly problems: readonly string[];
}

/** Reads a cluster, all at once; nothing in it is changed. */
export async function readCluster(through: string, kubectl: Kubectl): Promise<ClusterSeen> {
  const problems: string[] = [];
  const list = async <Item extends z.ZodType>(
    schema: Item,
    what: string,
    ...where: string[]
  ): Promise<z.output<Item>[] | undefined> => {
    try {
      const { code, stdout, stderr } = await kubectl([
        ...["get", what, ...where, "--output=json", "--request-timeout=10s"],
      ]);
      if (code === 0) return z.object({ items: z.array(schema) }).parse(JSON.parse(stdout)).items;
      problems.push(`${what} cannot be read: ${stderr.trim().split("\n").at(-1) ?? ""}`);
    } catch (error) {
      if (error instanceof NodeUnavailable) problems.push(`${what} cannot be read: ${error.what}`);
      else if (error instanceof z.ZodError || error instanceof SyntaxError)
        problems.push(`${what} cannot be read: the answer is none that kubectl gives`);
      else throw error;
    }
    return undefined;
  };
  const [nodes, pods, leases] = await Promise.all([
    list(nodeSchema, "nodes"),
    list(podSchema, "pods", "--all-namespaces"),
    list(leaseSchema, "leases", "--namespace=bramble"),
  ]);
  return { through, nodes, pods, leases, problems };
}
