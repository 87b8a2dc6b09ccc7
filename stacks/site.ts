import type { local } from "@pulumi/command";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { Card } from "./cards/card.ts";
import { scrubCommand } from "./cards/scrub.ts";
import { nodeOf, serverOf, type Site as SiteConfig } from "./config/site.ts";
import { Agent, Membership, Server } from "./k3s/cluster.ts";
import { deriveSiteKeys, type SiteKeys } from "./keys/site-keys.ts";
import type { Facts } from "./nodes/facts.ts";
import { Access } from "./nodes/access.ts";
import { DataDisk, dataDiskPhase } from "./nodes/data-disk.ts";
import { observeSite, type Observation } from "./nodes/observe.ts";
import { Preparation } from "./nodes/preparation.ts";
import { Reboot } from "./nodes/reboot.ts";
import { endpointOf } from "./remote/endpoint.ts";
import type { SiteSecrets } from "./site-secrets.ts";
import { measurementLease } from "../workloads/benchmark/lease.ts";
import { NodeUnavailable } from "./remote/node-unavailable.ts";
import type { SeenOnNode } from "./remote/phase-command.ts";
import { reviewSite } from "./review-site.ts";

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
export async function siteProgram(site: SiteConfig, { rootSecret, wifiPassword }: SiteSecrets): Promise<SiteOutputs> {
  const keys = deriveSiteKeys(rootSecret, site);
  // For `npm run bench -- nodes`, which compares an update with one that looks at nothing first.
  const probed = process.env.BRAMBLE_PROBE !== "off";
  const observations: ReadonlyMap<string, Observation> = probed ? await observeSite(site, keys) : new Map();
  await reviewSite({ site, keys, wifiPassword, observations }, pulumi.getStack());
  return new Site(site.name, { config: site, keys, wifiPassword, observations }).outputs;
}

/** A cluster of boards: cards, then every node's preparation, then K3s, then what experiments share in the cluster. */
export class Site extends pulumi.ComponentResource {
  readonly outputs: SiteOutputs;

  constructor(
    name: string,
    args: {
      readonly config: SiteConfig;
      readonly keys: SiteKeys;
      readonly wifiPassword: string | undefined;
      readonly observations: ReadonlyMap<string, Observation>;
    },
    resourceOptions: pulumi.ComponentResourceOptions = {},
  ) {
    super("bramble:site:Site", name, {}, resourceOptions);
    const { config: site, keys, wifiPassword, observations } = args;
    const options = { parent: this };
    const nodes = Object.keys(site.nodes).map((node) => ({
      name: node,
      site,
      keys,
      endpoint: endpointOf(site, node, keys),
      seen: seenOnNode(observations.get(node)),
    }));
    const serverName = serverOf(site).name;

    const cards = new Map(
      nodes.map((node) => [node.name, new Card(node.name, { ...node, stack: pulumi.getStack() }, options)]),
    );
    // Nothing is changed on any node before all of them turned out to be what the configuration says.
    const barrier = [...cards.values()].map(({ check }) => check);
    for (const { name: node, endpoint } of nodes.filter((candidate) => !isAdopted(site, candidate.name)))
      scrubCommand(
        { site, node, keys, wifiPassword, endpoint },
        { parent: cards.get(node) ?? this, dependsOn: barrier },
      );

    const prepared = new Map<string, local.Command[]>();
    let serverReboot: local.Command | undefined;
    // The server first: the others ask it whether somebody measures before they reboot.
    for (const node of [...nodes].sort(
      (one, other) => Number(other.name === serverName) - Number(one.name === serverName),
    )) {
      const phase = dataDiskPhase(site, node.name);
      const disk = phase && new DataDisk(node.name, { ...node, phase }, { ...options, dependsOn: barrier });
      const preparation = new Preparation(node.name, node, { ...options, dependsOn: disk?.mount ?? barrier });
      const reboot = new Reboot(
        node.name,
        { ...node, server: endpointOf(site, serverName, keys) },
        {
          ...options,
          dependsOn: serverReboot === undefined ? preparation.command : [preparation.command, serverReboot],
        },
      );
      serverReboot ??= reboot.command;
      prepared.set(node.name, [preparation.command, reboot.command, ...(disk === undefined ? [] : [disk.mount])]);
    }
    const preparationOf = (node: string) => prepared.get(node) ?? [];
    const [serverArgs] = nodes.filter(({ name: node }) => node === serverName);
    if (serverArgs === undefined) throw new Error(`no server among the nodes of ${name}`);
    const server = new Server(serverName, serverArgs, { ...options, dependsOn: preparationOf(serverName) });
    const joined: local.Command[] = [server.install];
    for (const agentArgs of nodes.filter(({ name: node }) => node !== serverName)) {
      const dependsOn = [preparationOf(agentArgs.name), server.install].flat();
      const agent = new Agent(agentArgs.name, agentArgs, { ...options, dependsOn });
      const membership = new Membership(agentArgs.name, { site, server, agent }, options);
      joined.push(agent.install, membership.command);
    }
    // Last of all, on all nodes: see accessPhase.
    const everything = [...prepared.values(), joined].flat();
    for (const node of nodes) new Access(node.name, node, { ...options, dependsOn: everything });

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

/** A node whose card Bramble did not write. */
function isAdopted(site: SiteConfig, node: string): boolean {
  return nodeOf(site, node).hostKey !== undefined;
}

function seenOnNode(observation: Observation | undefined): SeenOnNode | undefined {
  if (observation === undefined || observation instanceof NodeUnavailable) return undefined;
  return { records: observation.records, machine: (observation.machine ?? "unknown").slice(0, 8) };
}
