import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { renderBenchmark } from "../workloads/benchmark/job.ts";
import { runIdOf, type Plan } from "../workloads/benchmark/plan.ts";
import { runnerFiles, type RunnerFiles } from "../workloads/benchmark/runner-files.ts";
import { ollamaUrl, renderOllama, serverName } from "../workloads/ollama/server.ts";
import { clusterProvider } from "./cluster-provider.ts";
import type { Experiment as ExperimentConfig } from "./config/experiment.ts";
import { ExperimentGuard } from "./destroy-guard.ts";
import { checkFit, tenantsOf, type Tenants } from "./experiment-fit.ts";
import { planOf } from "./experiment-plan.ts";
import { lockedModels, planModels } from "./locked-models.ts";
import { allocatableBytes, experimentTenants } from "./node-memory.ts";
import type { Facts } from "./nodes/facts.ts";
import { UserError } from "./user-error.ts";

/** The program of an experiment's stack: what scripts read of it are its outputs. */
export async function experimentProgram(config: ExperimentConfig): Promise<Record<string, unknown>> {
  const site = new pulumi.StackReference(`${pulumi.getOrganization()}/${pulumi.getProject()}/${config.site}`);
  await checkNodes(config, site);
  const kubeconfig = await kubeconfigOf(pulumi.getStack(), config, site);
  const runner = runnerFiles();
  const models = lockedModels(config.models);
  const plan = planOf(config, planModels(models), runner);
  await checkMemory(config, plan, models, site);
  const provider = clusterProvider("cluster", { site: site.requireOutput("name"), kubeconfig });
  const registry = await site.getOutputDetails("modelRegistry");
  const probes = ((await site.getOutputDetails("probes")).value ?? {}) as Record<string, string>;
  const experiment = new Experiment(
    pulumi.getStack(),
    { config, plan, models, runner, registry: registry.value as string | undefined, probes },
    { providers: [provider] },
  );
  return {
    runId: runIdOf(plan),
    plan,
    site: config.site,
    namespace: experiment.namespace,
    jobName: experiment.jobName,
    modelBytes: Object.fromEntries(Object.entries(models).map(([name, { bytes }]) => [name, bytes])),
    versions: { k3s: site.requireOutput("k3sVersion") },
    facts: site
      .requireOutput("facts")
      .apply((facts: Record<string, unknown>) =>
        Object.fromEntries(nodesOf(config).map((node) => [node, facts[node]])),
      ),
  };
}

/** @throws UserError with every node that the experiment names and the site has not */
async function checkNodes(config: ExperimentConfig, site: pulumi.StackReference): Promise<void> {
  const nodes = (await site.getOutputDetails("nodes")).value as Record<string, unknown> | undefined;
  if (nodes === undefined)
    throw new UserError({
      what: `the site's stack ${config.site} has no nodes yet`,
      where: "bramble:experiment, site",
      next: `bring the site up first: npm run up -- ${config.site}`,
    });
  const unknown = nodesOf(config).filter((node) => !(node in nodes));
  if (unknown.length > 0)
    throw new UserError({
      what: `the site ${config.site} has no node ${unknown.join(", ")}, which nodes names`,
      where: "bramble:experiment",
      next: `name nodes of that site: ${Object.keys(nodes).join(", ")}`,
    });
}

/** @throws UserError where what would be loaded on a node does not fit into what its pods can have */
async function checkMemory(
  config: ExperimentConfig,
  plan: Plan,
  models: ReturnType<typeof lockedModels>,
  site: pulumi.StackReference,
): Promise<void> {
  const stack = pulumi.getStack();
  const facts = (await site.getOutputDetails("facts")).value as Record<string, Partial<Facts> | undefined> | undefined;
  const served = (await site.getOutputDetails("tenants")).value as Tenants | undefined;
  const reserved = (await site.getOutputDetails("reservedMegabytes")).value as number | undefined;
  const memory = Object.fromEntries(plan.nodes.models.map((node) => [node, facts?.[node]?.memoryMegabytes]));
  checkFit(
    tenantsOf(stack, plan, models),
    [...(served === undefined ? [] : [served]), ...experimentTenants(stack, config.site)],
    reserved === undefined ? {} : allocatableBytes(memory, reserved),
    config.memory,
  );
}

/** What the site gave this experiment to reach its namespace with. Secret. @throws UserError where it gave nothing */
async function kubeconfigOf(
  stack: string,
  { site: name }: ExperimentConfig,
  site: pulumi.StackReference,
): Promise<pulumi.Output<string>> {
  const details = await site.getOutputDetails("experimentKubeconfigs");
  const kubeconfigs = (details.secretValue ?? details.value) as Record<string, string> | undefined;
  const kubeconfig = kubeconfigs?.[stack];
  if (kubeconfig === undefined)
    throw new UserError({
      what: `the site ${name} does not let this experiment in`,
      where: `Pulumi.${stack}.yaml`,
      next: `name ${stack} under experiments in Pulumi.${name}.yaml, bring the site up (npm run up -- ${name}), then this again`,
    });
  return pulumi.secret(kubeconfig);
}

/** Every node that an experiment names, each once. */
function nodesOf({ nodes }: ExperimentConfig): string[] {
  return [...new Set([...nodes.models, nodes.runner])];
}

/** An experiment in the namespace that its site has for it: an Ollama server with the locked models on each of its nodes, and the Job that measures them. */
class Experiment extends pulumi.ComponentResource {
  readonly namespace: string;
  readonly jobName: string;

  constructor(
    name: string,
    args: {
      readonly config: ExperimentConfig;
      readonly plan: Plan;
      readonly models: ReturnType<typeof lockedModels>;
      readonly runner: RunnerFiles;
      readonly registry: string | undefined;
      readonly probes: Readonly<Record<string, string>>;
    },
    options: pulumi.ComponentResourceOptions,
  ) {
    super("bramble:experiment:Experiment", name, {}, options);
    const { config, plan, models, runner, registry, probes } = args;
    // The namespace, and the right to be in it, are the site's.
    const inNamespace = { parent: this };
    const services = plan.nodes.models.map((node) => {
      const ollama = renderOllama({
        namespace: name,
        models: modelsOn(node, plan).flatMap((model) => models[model] ?? []),
        settings: plan.server,
        image: plan.images.ollama,
        node,
        registry,
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
      probeUrls: Object.fromEntries(Object.entries(probes).filter(([node]) => plan.nodes.models.includes(node))),
      paused: config.state !== "measure",
    });
    const account = new kubernetes.core.v1.ServiceAccount("benchmark", benchmark.serviceAccount, inNamespace);
    const configMap = new kubernetes.core.v1.ConfigMap("benchmark", benchmark.configMap, inNamespace);
    const job = new kubernetes.batch.v1.Job("benchmark", benchmark.job, {
      parent: this,
      dependsOn: [...services, account, configMap],
    });
    new ExperimentGuard(name, { runId: runIdOf(plan) }, { parent: this, dependsOn: job });

    this.namespace = name;
    this.jobName = benchmark.job.metadata.name;
    this.registerOutputs();
  }
}

/** Names of the models that a node's server has to have: those of its variants, and of the reference run. */
function modelsOn(node: string, { variants, reference }: Plan): string[] {
  const all = [...Object.values(variants), ...(reference === null ? [] : [reference.variant])];
  return [...new Set(all.filter((variant) => variant.node === node).map(({ model }) => model))].sort();
}
