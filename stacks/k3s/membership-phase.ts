import type { SiteNode } from "../config/site.ts";
import type { Phase, Step } from "../remote/phase.ts";
import { binaryPath } from "./paths.ts";
import { labelsAndTaints } from "./taints.ts";

/**
 * A node's place in the cluster, kept on one of its servers: Ready, labelled and tainted when it comes, drained and forgotten when
 * it goes. Of a server, etcd's member goes with the Node (k3s-io/k3s, pkg/etcd/member_controller.go).
 * @param host the server that it is kept on; the node itself where there is no other, and then nobody is left to forget it
 */
export function membershipPhase(host: string, node: string, kept: Pick<SiteNode, "labels" | "taints">): Phase {
  return {
    node: host,
    name: `membership-${node}`,
    files: [],
    directories: [],
    // K3s's own node-label and node-taint count at registration only.
    labels: { node, labels: labelsAndTaints(kept) },
    steps: [awaitNode(node)],
    removal: host === node ? [] : leave(node),
  };
}

function leave(node: string): Step[] {
  return [
    {
      title: `drained ${node}`,
      // Pods of a dead node never confirm their end: they are waited for no longer than the limits.
      run: kubectl(
        "drain",
        node,
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--force",
        "--grace-period=20",
        "--skip-wait-for-delete-timeout=5",
        "--timeout=60s",
      ),
      limit: 75,
      tolerated: true,
    },
    {
      title: `removed ${node} from the cluster`,
      run: kubectl("delete", "node", node, "--ignore-not-found", "--wait=false"),
      limit: 30,
      patience: 60,
    },
    {
      // K3s does so by itself while it runs; without it a new board under this name could be refused.
      title: `forgot ${node}'s password`,
      run: kubectl("delete", "secret", `${node}.node-password.k3s`, "--namespace=kube-system", "--ignore-not-found"),
      limit: 30,
      patience: 60,
    },
  ];
}

/** A step on a server that ends when a node is Ready. */
function awaitNode(node: string): Step {
  return {
    title: `${node} is Ready`,
    run: kubectl("wait", "--for=condition=Ready", `node/${node}`, "--timeout=10s"),
    limit: 30,
    patience: 300,
  };
}

/** kubectl as the server's administrator. */
function kubectl(...args: string[]): string[] {
  return [binaryPath, "kubectl", ...args];
}
