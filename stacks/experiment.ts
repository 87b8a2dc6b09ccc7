import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { renderBenchmark } from "../workloads/benchmark/job.ts";
import { runIdOf, type Plan } from "../workloads/benchmark/plan.ts";
import { runnerFiles, type RunnerFiles } from "../workloads/benchmark/runner-files.ts";
import { ollamaUrl, renderOllama } from "../workloads/ollama/server.ts";
import { loadPromptSet } from "../workloads/prompts/prompt-set.ts";
import type { Experiment as ExperimentConfig } from "./config/experiment.ts";
import { ExperimentGuard } from "./destroy-guard.ts";
import { UserError } from "./user-error.ts";

/** The program of an experiment's stack: what scripts read of it are its outputs. */
export async function experimentProgram(config: ExperimentConfig): Promise<Record<string, unknown>> {
  const site = new pulumi.StackReference(`${pulumi.getOrganization()}/${pulumi.getProject()}/${config.site}`);
  await checkNodes(config, site);
  const kubeconfig = await kubeconfigOf(pulumi.getStack(), config, site);
  const runner = runnerFiles();
  const plan = planOf(config, runner);
  const provider = new kubernetes.Provider("cluster", {
    kubeconfig,
    clusterIdentifier: pulumi.interpolate`bramble-${site.requireOutput("name")}`,
    // An `up` that was killed after an object was made, and before Pulumi knew of it, can be run again.
    upsertExistingObjects: true,
    enablePatchForce: true,
  });
  const registry = await site.getOutputDetails("modelRegistry");
  const experiment = new Experiment(
    pulumi.getStack(),
    { config, plan, runner, registry: registry.value as string | undefined },
    { providers: [provider] },
  );
  return {
    runId: runIdOf(plan),
    plan,
    site: config.site,
    namespace: experiment.namespace,
    jobName: experiment.jobName,
    versions: { k3s: site.requireOutput("k3sVersion") },
    facts: site
      .requireOutput("facts")
      .apply((facts: Record<string, unknown>) =>
        Object.fromEntries([...new Set(Object.values(config.nodes))].map((node) => [node, facts[node]])),
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
  const unknown = Object.entries(config.nodes).filter(([, node]) => !(node in nodes));
  if (unknown.length > 0)
    throw new UserError({
      what: `the site ${config.site} has no node ${unknown.map(([role, node]) => `${node} (nodes.${role})`).join(", ")}`,
      where: "bramble:experiment",
      next: `name nodes of that site: ${Object.keys(nodes).join(", ")}`,
    });
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

/** Everything that decides what is measured; the run-id is its digest. */
export function planOf(config: ExperimentConfig, runner: RunnerFiles): Plan {
  const { series, model, images, nodes, variants, scenarios, blocks, seed, primary } = config;
  const names = [...new Set(Object.values(scenarios).map(({ prompts }) => prompts))].sort();
  const prompts = Object.fromEntries(names.map((name) => [name, loadPromptSet(name)]));
  return {
    schema: 1,
    ...{ series, model, images, nodes, variants, scenarios, prompts, blocks, seed, primary },
    runner: runner.digest,
  };
}

/** An experiment in the namespace that its site has for it: an Ollama server with the locked model, and the Job that measures it. */
class Experiment extends pulumi.ComponentResource {
  readonly namespace: string;
  readonly jobName: string;

  constructor(
    name: string,
    args: {
      readonly config: ExperimentConfig;
      readonly plan: Plan;
      readonly runner: RunnerFiles;
      readonly registry: string | undefined;
    },
    options: pulumi.ComponentResourceOptions,
  ) {
    super("bramble:experiment:Experiment", name, {}, options);
    const { config, plan, runner, registry } = args;
    // The namespace, and the right to be in it, are the site's.
    const inNamespace = { parent: this };
    const ollama = renderOllama({
      namespace: name,
      model: config.model,
      image: config.images.ollama,
      node: config.nodes.model,
      registry,
      memory: config.memory,
    });
    const server = new kubernetes.apps.v1.Deployment("ollama", ollama.deployment, inNamespace);
    const service = new kubernetes.core.v1.Service("ollama", ollama.service, { parent: this, dependsOn: server });

    const benchmark = renderBenchmark({ plan, namespace: name, runner, ollamaUrl });
    const account = new kubernetes.core.v1.ServiceAccount("benchmark", benchmark.serviceAccount, inNamespace);
    const configMap = new kubernetes.core.v1.ConfigMap("benchmark", benchmark.configMap, inNamespace);
    const job = new kubernetes.batch.v1.Job("benchmark", benchmark.job, {
      parent: this,
      dependsOn: [service, account, configMap],
    });
    new ExperimentGuard(name, { runId: runIdOf(plan) }, { parent: this, dependsOn: job });

    this.namespace = name;
    this.jobName = benchmark.job.metadata.name;
    this.registerOutputs();
  }
}
