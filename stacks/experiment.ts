import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { renderBenchmark } from "../workloads/benchmark/job.ts";
import { runIdOf, type Plan } from "../workloads/benchmark/plan.ts";
import { runnerFiles, type RunnerFiles } from "../workloads/benchmark/runner-files.ts";
import { ollamaUrl, renderOllama, serverName } from "../workloads/ollama/server.ts";
import { clusterProvider } from "./cluster-provider.ts";
import type { Experiment as ExperimentConfig } from "./config/experiment.ts";
import { ExperimentGuard } from "./destroy-guard.ts";
import { checkFit, tenantsOf } from "./experiment-fit.ts";
import { planOf } from "./experiment-plan.ts";
import { siteOfStack, type ExperimentSite } from "./experiment-site.ts";
import { lockedModels, planModels, type LockedModel } from "./locked-models.ts";
import { allocatableBytes, experimentTenants } from "./node-memory.ts";
import type { Facts } from "./nodes/facts.ts";
import { UserError } from "./user-error.ts";

/** The program of an experiment's stack: what scripts read of it are its outputs. */
export async function experimentProgram(config: ExperimentConfig): Promise<ExperimentOutputs> {
  const reference = new pulumi.StackReference(`${pulumi.getOrganization()}/${pulumi.getProject()}/${config.site}`);
  const site = await siteOfStack(reference, { stack: config.site, experiment: pulumi.getStack() });
  const provider = clusterProvider("cluster", site);
  return new Experiment(pulumi.getStack(), planExperiment(config, site), { providers: [provider] }).outputs;
}

/** What `npm run collect` and others read of an experiment. */
export interface ExperimentOutputs extends Record<string, unknown> {
  readonly runId: string;
  readonly plan: Plan;
  /** The site's stack. */
  readonly site: string;
  readonly namespace: string;
  readonly jobName: string;
  /** What each model weighs by the lock. */
  readonly modelBytes: Readonly<Record<string, number | null>>;
  readonly versions: { readonly k3s: string };
  /** Of the nodes that the plan names. */
  readonly facts: Readonly<Record<string, pulumi.Input<Facts> | undefined>>;
}

/** All that an experiment is made from. */
export interface ExperimentArgs {
  readonly config: ExperimentConfig;
  readonly site: ExperimentSite;
  readonly models: Readonly<Record<string, LockedModel>>;
  readonly runner: RunnerFiles;
  readonly plan: Plan;
}

/**
 * An experiment's configuration with its models locked and its runs planned.
 * @throws UserError where it names nodes that the site has not or models that are not locked, or where what would be loaded on a
 *   node does not fit into what its pods can have
 */
export function planExperiment(config: ExperimentConfig, site: ExperimentSite): ExperimentArgs {
  checkNodes(config, site);
  const runner = runnerFiles();
  const models = lockedModels(config.models);
  const plan = planOf(config, planModels(models), runner);
  checkMemory(config, plan, models, site);
  return { config, site, models, runner, plan };
}

/** @throws UserError with every node that the experiment names and the site has not */
function checkNodes(config: ExperimentConfig, { nodes }: ExperimentSite): void {
  const unknown = nodesOf(config).filter((node) => !nodes.includes(node));
  if (unknown.length > 0)
    throw new UserError({
      what: `the site ${config.site} has no node ${unknown.join(", ")}, which nodes names`,
      where: "bramble:experiment",
      next: `name nodes of that site: ${nodes.join(", ")}`,
    });
}

/** @throws UserError where what would be loaded on a node does not fit into what its pods can have */
function checkMemory(
  config: ExperimentConfig,
  plan: Plan,
  models: ExperimentArgs["models"],
  { tenants, reservedMegabytes: reserved, memoryMegabytes }: ExperimentSite,
): void {
  const stack = pulumi.getStack();
  const memory = Object.fromEntries(plan.nodes.models.map((node) => [node, memoryMegabytes[node]]));
  checkFit(
    tenantsOf(stack, plan, models),
    [tenants, ...experimentTenants(stack, config.site)],
    reserved === undefined ? {} : allocatableBytes(memory, reserved),
    config.memory,
  );
}

/** Every node that an experiment names, each once. */
function nodesOf({ nodes }: ExperimentConfig): string[] {
  return [...new Set([...nodes.models, nodes.runner])];
}

/** An experiment in the namespace that its site has for it: an Ollama server with the locked models on each of its nodes, and the Job that measures them. */
export class Experiment extends pulumi.ComponentResource {
  readonly outputs: ExperimentOutputs;

  /**
   * @param name the namespace's, by which the site knows the experiment
   * @param options.providers must hold the site's `clusterProvider` for this experiment
   */
  constructor(name: string, args: ExperimentArgs, options: pulumi.ComponentResourceOptions) {
    super("bramble:experiment:Experiment", name, {}, options);
    const { config, site, plan, models, runner } = args;
    // The namespace, and the right to be in it, are the site's.
    const inNamespace = { parent: this, dependsOn: options.dependsOn ?? [] };
    const services = plan.nodes.models.map((node) => {
      const ollama = renderOllama({
        namespace: name,
        models: modelsOn(node, plan).flatMap((model) => models[model] ?? []),
        settings: plan.server,
        image: plan.images.ollama,
        node,
        registry: site.modelRegistry,
        memory: config.memory,
      });
      const resource = serverName(node);
      const server = new kubernetes.apps.v1.Deployment(resource, ollama.deployment, inNamespace);
      return new kubernetes.core.v1.Service(resource, ollama.service, { parent: this, dependsOn: server });
    });

    const benchmark = renderBenchmark({
      plan,
      namespace: name,
      runner,
      ollamaUrls: Object.fromEntries(plan.nodes.models.map((node) => [node, ollamaUrl(node)])),
      probeUrls: Object.fromEntries(Object.entries(site.probes).filter(([node]) => plan.nodes.models.includes(node))),
      paused: config.state !== "measure",
    });
    const account = new kubernetes.core.v1.ServiceAccount("benchmark", benchmark.serviceAccount, inNamespace);
    const configMap = new kubernetes.core.v1.ConfigMap("benchmark", benchmark.configMap, inNamespace);
    const job = new kubernetes.batch.v1.Job("benchmark", benchmark.job, {
      parent: this,
      dependsOn: [...services, account, configMap],
    });
    new ExperimentGuard(name, { runId: runIdOf(plan) }, { parent: this, dependsOn: job });

    this.outputs = {
      runId: runIdOf(plan),
      plan,
      site: config.site,
      namespace: name,
      jobName: benchmark.job.metadata.name,
      modelBytes: Object.fromEntries(Object.entries(models).map(([model, { bytes }]) => [model, bytes])),
      versions: { k3s: site.k3sVersion },
      facts: Object.fromEntries(nodesOf(config).map((node) => [node, site.facts[node]])),
    };
    this.registerOutputs();
  }
}

/** Names of the models that a node's server has to have: those of its variants, and of the reference run. */
function modelsOn(node: string, { variants, reference }: Plan): string[] {
  const all = [...Object.values(variants), ...(reference === null ? [] : [reference.variant])];
  return [...new Set(all.filter((variant) => variant.node === node).map(({ model }) => model))].sort();
}
