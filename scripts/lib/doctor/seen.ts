import type { SiteKeys } from "../../../stacks/keys/site-keys.ts";
import type { NodeReport } from "../../../stacks/nodes/facts.ts";
import type { NodeUnavailable } from "../../../stacks/remote/node-unavailable.ts";
import type { UserError } from "../../../stacks/user-error.ts";
import type { ClusterSeen } from "./cluster.ts";
import type { StackSeen } from "./stack.ts";

/** What a node said, why it said nothing, or what went wrong while it was read. */
export type NodeSeen = NodeReport | NodeUnavailable | Error;

/** All that a look at a site showed. */
export interface Seen {
  readonly stackName: string;
  readonly now: Date;
  readonly keys: SiteKeys;
  readonly wifiPassword: string | undefined;
  /** By node, all of the configuration's. */
  readonly nodes: ReadonlyMap<string, NodeSeen>;
  /** Undefined where no server's API answered. */
  readonly cluster: ClusterSeen | undefined;
  readonly stack: StackSeen;
  /** What artefacts of the site are missing on this machine. */
  readonly bundleProblem: UserError | undefined;
  /** When the newest backup on this machine was taken; undefined where there is none. */
  readonly newestBackup: Date | undefined;
}

/** The reports of the nodes that gave one, in the configuration's order. */
export function reportsOf({ nodes }: Pick<Seen, "nodes">): [node: string, report: NodeReport][] {
  return [...nodes].flatMap(([node, seen]) => (seen instanceof Error ? [] : [[node, seen]]));
}

/** Whether an update has put K3s on a node, as far as the stack remembers. */
export function isInstalled({ stack }: Pick<Seen, "stack">, node: string): boolean {
  return stack.resources.includes(`${node}-k3s`);
}

/** How a person brings the site to what its configuration says. */
export function upCommand({ stackName }: Pick<Seen, "stackName">): string {
  return `npm run up -- ${stackName}`;
}
