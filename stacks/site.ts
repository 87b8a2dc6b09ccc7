import type { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { ModelLock } from "../workloads/ollama/model-lock.ts";
import { probeUrl } from "../workloads/probe/daemon-set.ts";
import { Card } from "./cards/card.ts";
import { scrubCommand } from "./cards/scrub.ts";
import { clusterProvider } from "./cluster-provider.ts";
import { useBundle } from "./config/bundle-check.ts";
import { modelRegistryOf } from "./config/model-registry.ts";
import { firstServer, nodeOf, serversOf, type Site as SiteConfig } from "./config/site.ts";
import type { Serving as ServingConfig } from "./config/site-models.ts";
import { DestroyGuard } from "./destroy-guard.ts";
import type { Tenants } from "./experiment-fit.ts";
import { siteOfProgram, type ExperimentSite } from "./experiment-site.ts";
import { apiAddressOf, listensForApi } from "./k3s/api-address.ts";
import { renewalReason } from "./k3s/certificate-renewal.ts";
import { makeCluster } from "./k3s/cluster.ts";
import { deriveSiteKeys, type SiteKeys } from "./keys/site-keys.ts";
import { readModelLock } from "./locked-models.ts";
import type { Facts } from "./nodes/facts.ts";
import { reservedMegabytes } from "./node-memory.ts";
import { Access } from "./nodes/access.ts";
import { DataDisk } from "./nodes/data-disk.ts";
import { dataDiskPhase } from "./nodes/data-disk-phase.ts";
import type { Observation } from "./nodes/observe.ts";
import { observeSite } from "./nodes/observe-site.ts";
import { Preparation } from "./nodes/preparation.ts";
import { Reboot } from "./nodes/reboot.ts";
import { endpointOf } from "./remote/site-endpoint.ts";
import type { SiteSecrets } from "./site-secrets.ts";
import { NodeUnavailable } from "./remote/node-unavailable.ts";
import type { SeenOnNode } from "./remote/phase-command.ts";
import { reviewSite } from "./review-site.ts";
import { Serving } from "./serving.ts";
import { servedTenants, servingPlan } from "./serving-plan.ts";
import { makeSharedObjects } from "./shared-objects.ts";
import { checkSiteFit } from "./site-fit.ts";

/** What experiments and scripts read of a site. */
export interface SiteOutputs extends Record<string, unknown> {
  readonly name: string;
  /** The administrator's. Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  /** Each experiment's own, by its stack. Secret. */
  readonly experimentKubeconfigs: pulumi.Output<Record<string, string>>;
  /** The first server. */
  readonly server: string;
  readonly nodes: Readonly<Record<string, { role: string; address: string }>>;
  readonly modelRegistry?: string;
  readonly k3sVersion: string;
  /** What pods can't have of each node's memory. */
  readonly reservedMegabytes: number;
  /** What the site's own models have loaded on its nodes, for the check whether an experiment's fit beside them. */
  readonly tenants: Tenants;
  /** Where clients ask the site's models, on each node; absent where it serves none. */
  readonly serving?: { readonly addresses: readonly string[]; readonly models: readonly string[] };
  /** Each client's API key. Secret. */
  readonly apiKeys?: pulumi.Output<Record<string, string>>;
  /** Where each node's probe tells its last sample; empty where the site has none. */
  readonly probes: Readonly<Record<string, string>>;
  readonly facts: Readonly<Record<string, pulumi.Output<Facts>>>;
}

/** The program of a site's stack. */
export async function siteProgram(config: SiteConfig, secrets: SiteSecrets): Promise<SiteOutputs> {
  return new Site(config.name, await planSite(config, secrets)).outputs;
}

/** All that a site is made from. Secret, because of its keys. */
export interface SiteArgs {
  readonly config: SiteConfig;
  readonly keys: SiteKeys;
  readonly wifiPassword: string | undefined;
  /** What was seen on its nodes before anything is changed. */
  readonly observations: ReadonlyMap<string, Observation>;
  /** What the models that the site serves are made of. */
  readonly lock: ModelLock;
  readonly now: Date;
}

/**
 * A site's configuration with its keys, what its bundle has, and what its nodes say now. Changes nothing; a node that does not answer
 * costs at most `timeouts.probe`. Warns of what a person should know, of cards to be written for one.
 * @throws UserError where a node that answers is not what the configuration demands, or a model does not fit onto its nodes
 */
export async function planSite(config: SiteConfig, { rootSecret, wifiPassword }: SiteSecrets): Promise<SiteArgs> {
  const site = await useBundle(config);
  const keys = deriveSiteKeys(rootSecret, site);
  // For `npm run bench -- nodes`, which compares an update with one that looks at nothing first.
  const probed = process.env.BRAMBLE_PROBE !== "off";
  const observations: ReadonlyMap<string, Observation> = probed ? await observeSite(site, keys) : new Map();
  const lock = readModelLock();
  checkSiteFit(site, lock, observations, pulumi.getStack());
  await reviewSite({ site, keys, wifiPassword, observations }, pulumi.getStack());
  return { config: site, keys, wifiPassword, observations, lock, now: new Date() };
}

/** A cluster of boards: cards, then every node's preparation, then K3s, then what experiments share in the cluster. */
export class Site extends pulumi.ComponentResource {
  readonly outputs: SiteOutputs;
  readonly #experiments: readonly string[];

  constructor(name: string, args: SiteArgs, resourceOptions: pulumi.ComponentResourceOptions = {}) {
    super("bramble:site:Site", name, {}, resourceOptions);
    const { config: site, keys, wifiPassword, observations, lock, now } = args;
    const options = { parent: this };
    // Everything else depends on the cards.
    const before = { ...options, dependsOn: resourceOptions.dependsOn ?? [] };
    const nodes = Object.keys(site.nodes).map((node) => ({
      name: node,
      site,
      keys,
      endpoint: endpointOf(site, node, keys),
      seen: seenOnNode(observations.get(node)),
    }));

    const cards = new Map(
      nodes.map((node) => [node.name, new Card(node.name, { ...node, stack: pulumi.getStack() }, before)]),
    );
    // Nothing is changed on any node before all of them turned out to be what the configuration says.
    const barrier = [...cards.values()].map(({ check }) => check);
    const scrubs = nodes
      .filter((candidate) => !isAdopted(site, candidate.name))
      .map(({ name: node, endpoint }) =>
        scrubCommand(
          { site, node, keys, wifiPassword, endpoint },
          { parent: cards.get(node) ?? this, dependsOn: barrier },
        ),
      );

    const servers = serversOf(site).map((server) => server.name);
    const serverEndpoints = servers.map((server) => endpointOf(site, server, keys));
    const prepared = new Map<string, local.Command[]>();
    const mounted = new Map<string, local.Command[]>();
    const serverReboots: local.Command[] = [];
    // The servers first, one after the other: the others ask them whether somebody measures before they reboot.
    for (const node of nodes.toSorted(
      (one, other) => Number(servers.includes(other.name)) - Number(servers.includes(one.name)),
    )) {
      const phase = dataDiskPhase(site, node.name);
      const disk = phase && new DataDisk(node.name, { ...node, phase }, { ...options, dependsOn: barrier });
      const preparation = new Preparation(node.name, node, { ...options, dependsOn: disk?.mount ?? barrier });
      const reboot = new Reboot(
        node.name,
        { ...node, servers: serverEndpoints },
        { ...options, dependsOn: [preparation.command, ...serverReboots] },
      );
      if (servers.includes(node.name)) serverReboots.push(reboot.command);
      mounted.set(node.name, disk === undefined ? [] : [disk.mount]);
      prepared.set(node.name, [preparation.command, reboot.command, ...(mounted.get(node.name) ?? [])]);
    }
    const cluster = makeCluster(
      {
        site,
        keys,
        nodes: nodes.map((node) => ({
          ...node,
          due: renewalOf(observations.get(node.name), now),
          mounted: mounted.get(node.name) ?? [],
          prepared: prepared.get(node.name) ?? [],
        })),
      },
      { parent: this, barrier },
    );
    // Last of all, on all nodes: see accessPhase.
    const everything = [...prepared.values(), cluster.parts].flat();
    const accesses = nodes.map((node) => new Access(node.name, node, { ...options, dependsOn: everything }));

    // Known only once there are servers, so that a preview before that does not try to reach one.
    const address = pulumi
      .all(cluster.servers.map(({ id }) => id))
      .apply(async () => await apiAddressOf(site, listensForApi));
    const kubeconfig = pulumi.secret(address.apply((at) => keys.kubeconfig(at, now)));
    const provider = clusterProvider(site.name, { name: site.name, kubeconfig }, options);
    const shared = [provider, ...makeSharedObjects(site, provider, this)];
    const modelRegistry = modelRegistryOf(site);
    const plan = servingPlan(site, lock, (client) => keys.apiKey(client));
    const serving =
      plan === undefined
        ? []
        : new Serving(name, { plan, provider }, { ...options, dependsOn: [...shared, ...cluster.parts] }).parts;
    new DestroyGuard(
      name,
      { site, endpoints: nodes.map(({ endpoint }) => endpoint) },
      { ...options, dependsOn: [...scrubs, ...accesses.map(({ command }) => command), ...shared, ...serving] },
    );

    this.outputs = {
      name,
      kubeconfig,
      experimentKubeconfigs: pulumi.secret(
        address.apply((at) =>
          Object.fromEntries(
            site.experiments.map((experiment) => [experiment, keys.experimentKubeconfig(experiment, at, now)]),
          ),
        ),
      ),
      server: firstServer(site).name,
      nodes: Object.fromEntries(
        Object.entries(site.nodes).map(([node, { role, address: at }]) => [node, { role, address: at }]),
      ),
      ...(modelRegistry === undefined ? {} : { modelRegistry }),
      k3sVersion: site.k3s.version,
      reservedMegabytes: reservedMegabytes(site.k3s),
      probes:
        site.probe === undefined
          ? {}
          : Object.fromEntries(Object.entries(site.nodes).map(([node, { address: at }]) => [node, probeUrl(at)])),
      tenants: servedTenants(site, lock),
      ...(site.serving === undefined ? {} : servingOutputs(site, site.serving, keys)),
      facts: Object.fromEntries([...cards].map(([node, { facts }]) => [node, facts])),
    };
    this.#experiments = site.experiments;
    this.registerOutputs();
  }

  /**
   * This site for an experiment of the same program; one of another stack has `siteOfStack`.
   * @throws UserError where it is not among the site's experiments
   */
  forExperiment(name: string): ExperimentSite {
    return siteOfProgram(this.outputs, this.#experiments, name);
  }
}

/** Where clients ask, and each client's key. */
function servingOutputs({ nodes, models = {} }: SiteConfig, { port, clients }: ServingConfig, keys: SiteKeys) {
  return {
    serving: {
      addresses: Object.values(nodes).map(({ address }) => `http://${address}:${port}/v1`),
      models: Object.keys(models),
    },
    apiKeys: pulumi.secret(Object.fromEntries(clients.map((client) => [client, keys.apiKey(client)]))),
  };
}

/** A node whose card Bramble did not write. */
function isAdopted(site: SiteConfig, node: string): boolean {
  return nodeOf(site, node).hostKey !== undefined;
}

function seenOnNode(observation: Observation | undefined): SeenOnNode | undefined {
  if (observation === undefined || observation instanceof NodeUnavailable) return undefined;
  return { records: observation.records, machine: (observation.machine ?? "unknown").slice(0, 8) };
}

function renewalOf(observation: Observation | undefined, now: Date): string | undefined {
  if (observation === undefined || observation instanceof NodeUnavailable) return undefined;
  return renewalReason(observation.k3s, now);
}
