import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { Card } from "./cards/card.ts";
import { cardProblem } from "./cards/card-problem.ts";
import { renderSeed } from "./cards/seed.ts";
import { stampOf } from "./cards/stamp.ts";
import { serverOf, type Site as SiteConfig } from "./config/site.ts";
import { Agent, Membership, Server } from "./k3s/cluster.ts";
import { deriveSiteKeys, type SiteKeys } from "./keys/site-keys.ts";
import type { Facts } from "./nodes/facts.ts";
import { observeSite, type Observation } from "./nodes/observe.ts";
import { Preparation } from "./nodes/preparation.ts";
import { endpointOf } from "./remote/endpoint.ts";
import { measurementLease } from "../workloads/benchmark/lease.ts";
import { NodeUnavailable } from "./remote/node-unavailable.ts";
import type { SeenOnNode } from "./remote/phase-command.ts";

/** What experiments and scripts read of a site. */
export interface SiteOutputs extends Record<string, unknown> {
  readonly name: string;
  /** Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  readonly server: string;
  readonly nodes: Readonly<Record<string, { role: string; address: string }>>;
  readonly modelRegistry?: string;
  readonly facts: Readonly<Record<string, pulumi.Output<Facts>>>;
}

/** The program of a site's stack. */
export async function siteProgram(config: SiteConfig, rootSecret: string): Promise<SiteOutputs> {
  const keys = deriveSiteKeys(rootSecret, config);
  const observations = await observeSite(config, keys);
  for (const observation of observations.values())
    if (observation instanceof NodeUnavailable)
      void pulumi.log.warn(`${observation.where}: ${observation.what}; what lies there was not looked at`);
  return new Site(config.name, { config, keys, observations }).outputs;
}

/** A cluster of boards: cards, then every node's preparation, then K3s, then what experiments share in the cluster. */
export class Site extends pulumi.ComponentResource {
  readonly outputs: SiteOutputs;

  constructor(
    name: string,
    args: {
      readonly config: SiteConfig;
      readonly keys: SiteKeys;
      readonly observations: ReadonlyMap<string, Observation>;
    },
    resourceOptions: pulumi.ComponentResourceOptions = {},
  ) {
    super("bramble:site:Site", name, {}, resourceOptions);
    const { config: site, keys, observations } = args;
    const options = { parent: this };
    const nodes = Object.keys(site.nodes).map((node) => ({
      name: node,
      endpoint: endpointOf(site, node, keys),
      seen: seenOnNode(observations.get(node)),
    }));

    const cards = new Map(
      nodes.map(({ name: node, endpoint }) => {
        const stamp = stampOf(site, node, renderSeed(site, node, keys));
        const card = new Card(node, { endpoint, stamp, bootSeconds: site.timeouts.boot }, options);
        const observation = observations.get(node);
        const problem =
          observation === undefined || observation instanceof NodeUnavailable
            ? undefined
            : cardProblem(stamp, observation);
        if (problem !== undefined) void pulumi.log.warn(problem.message, card.check);
        return [node, card] as const;
      }),
    );
    // Nothing is changed on any node before all of them turned out to be what the configuration says.
    const barrier = [...cards.values()].map(({ check }) => check);
    const prepared = new Map(
      nodes.map(({ name: node, endpoint, seen }) => [
        node,
        new Preparation(node, { site, endpoint, seen }, { ...options, dependsOn: barrier }).command,
      ]),
    );
    const preparationOf = (node: string) => prepared.get(node) ?? [];

    const serverName = serverOf(site).name;
    const k3s = nodes.map((node) => ({ ...node, site, keys }));
    const [serverArgs] = k3s.filter(({ name: node }) => node === serverName);
    if (serverArgs === undefined) throw new Error(`no server among the nodes of ${name}`);
    const server = new Server(serverName, serverArgs, { ...options, dependsOn: preparationOf(serverName) });
    for (const agentArgs of k3s.filter(({ name: node }) => node !== serverName)) {
      const dependsOn = [preparationOf(agentArgs.name), server.install].flat();
      const agent = new Agent(agentArgs.name, agentArgs, { ...options, dependsOn });
      new Membership(agentArgs.name, { site, server, agent }, options);
    }

    const address = serverOf(site).node.address;
    // Known only once there is a server, so that a preview before that does not try to reach one.
    const kubeconfig = pulumi.secret(server.install.id.apply(() => keys.kubeconfig(address)));
    makeSharedObjects(name, kubeconfig, this);

    this.outputs = {
      name,
      kubeconfig,
      server: serverName,
      nodes: Object.fromEntries(
        Object.entries(site.nodes).map(([node, { role, address: at }]) => [node, { role, address: at }]),
      ),
      ...(site.modelRegistry === undefined ? {} : { modelRegistry: site.modelRegistry }),
      k3sVersion: site.k3s.version,
      facts: Object.fromEntries([...cards].map(([node, { facts }]) => [node, facts])),
    };
    this.registerOutputs();
  }
}

/** What all experiments of a site use in its cluster. */
function makeSharedObjects(site: string, kubeconfig: pulumi.Output<string>, parent: pulumi.Resource): void {
  // A fixed identifier: without one, a kubeconfig that a preview does not know yet looks like another cluster.
  const provider = new kubernetes.Provider(
    site,
    // Upsert and force: an `up` that was killed after an object was made, and before Pulumi knew of it, can be run again.
    { kubeconfig, clusterIdentifier: `bramble-${site}`, upsertExistingObjects: true, enablePatchForce: true },
    { parent },
  );
  const namespace = new kubernetes.core.v1.Namespace(
    measurementLease.namespace,
    { metadata: { name: measurementLease.namespace } },
    { parent, provider },
  );
  const options = { parent, provider, dependsOn: namespace };
  // One experiment measures at a time: it holds the Lease, and its spec. Experiments bind to the Role for that.
  new kubernetes.coordination.v1.Lease(
    measurementLease.name,
    { metadata: measurementLease },
    { ...options, ignoreChanges: ["spec"] },
  );
  new kubernetes.rbac.v1.Role(
    measurementLease.name,
    {
      metadata: measurementLease,
      rules: [
        {
          apiGroups: ["coordination.k8s.io"],
          resources: ["leases"],
          verbs: ["get", "list", "create", "update", "patch"],
        },
      ],
    },
    options,
  );
}

function seenOnNode(observation: Observation | undefined): SeenOnNode | undefined {
  if (observation === undefined || observation instanceof NodeUnavailable) return undefined;
  return { records: observation.records, machine: (observation.machine ?? "unknown").slice(0, 8) };
}
