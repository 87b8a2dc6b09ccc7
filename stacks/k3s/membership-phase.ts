import type { Phase } from "../remote/phase.ts";
import { awaitNode, kubectl } from "./install-phase.ts";

/** An agent's place in the cluster, kept on its server: Ready and labelled when it comes, drained and forgotten when it goes. */
export function membershipPhase(server: string, agent: string, labels: Readonly<Record<string, string>>): Phase {
  return {
    node: server,
    name: `membership-${agent}`,
    files: [],
    directories: [],
    // K3s's own node-label counts at registration only.
    labels: { node: agent, labels },
    steps: [awaitNode(agent)],
    removal: [
      {
        title: `drained ${agent}`,
        // Pods of a dead node never confirm their end: they are waited for no longer than the limits.
        run: kubectl(
          "drain",
          agent,
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
        title: `removed ${agent} from the cluster`,
        run: kubectl("delete", "node", agent, "--ignore-not-found", "--wait=false"),
        limit: 30,
        patience: 60,
      },
      {
        // K3s does so by itself while it runs; without it a new board under this name could be refused.
        title: `forgot ${agent}'s password`,
        run: kubectl("delete", "secret", `${agent}.node-password.k3s`, "--namespace=kube-system", "--ignore-not-found"),
        limit: 30,
        patience: 60,
      },
    ],
  };
}
