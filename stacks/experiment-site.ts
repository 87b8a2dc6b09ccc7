import * as pulumi from "@pulumi/pulumi";
import type { Tenants } from "./experiment-fit.ts";
import type { Facts } from "./nodes/facts.ts";
import type { SiteOutputs } from "./site.ts";
import { UserError } from "./user-error.ts";

/** What an experiment has to know of its site. */
export interface ExperimentSite {
  readonly name: string;
  /** The names of the site's nodes. */
  readonly nodes: readonly string[];
  /** Opens the experiment's namespace and nothing else. Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  readonly modelRegistry: string | undefined;
  /** Where nodes' probes answer, by node. */
  readonly probes: Readonly<Record<string, string>>;
  readonly k3sVersion: string;
  /** What is loaded on its nodes by the site itself. */
  readonly tenants: Tenants;
  /** What pods can't have of each node's memory; undefined where that is not known, and memory is not checked then. */
  readonly reservedMegabytes: number | undefined;
  /** As far as they are known before the program has run. */
  readonly memoryMegabytes: Readonly<Record<string, number | null | undefined>>;
  readonly facts: Readonly<Record<string, pulumi.Input<Facts>>>;
}

/**
 * The site of an experiment, by the outputs of its stack.
 * @param stack the site's
 * @param experiment its name in the site's `experiments`
 * @throws UserError where the site is not up, or gave the experiment nothing to come in with
 */
export async function siteOfStack(
  reference: pulumi.StackReference,
  { stack, experiment }: { readonly stack: string; readonly experiment: string },
): Promise<ExperimentSite> {
  const read = async (output: keyof SiteOutputs) => (await reference.getOutputDetails(String(output))).value as unknown;
  const nodes = (await read("nodes")) as SiteOutputs["nodes"] | undefined;
  if (nodes === undefined)
    throw new UserError({
      what: `the site's stack ${stack} has no nodes yet`,
      where: "bramble:experiment, site",
      next: `bring the site up first: npm run up -- ${stack}`,
    });
  const details = await reference.getOutputDetails("experimentKubeconfigs");
  const kubeconfig = ((details.secretValue ?? details.value) as Record<string, string> | undefined)?.[experiment];
  if (kubeconfig === undefined) throw notLetIn(stack, experiment);
  const facts = ((await read("facts")) ?? {}) as Record<string, Facts>;
  return {
    name: (await read("name")) as string,
    nodes: Object.keys(nodes),
    kubeconfig: pulumi.secret(kubeconfig),
    modelRegistry: (await read("modelRegistry")) as string | undefined,
    probes: ((await read("probes")) ?? {}) as Record<string, string>,
    k3sVersion: (await read("k3sVersion")) as string,
    tenants: ((await read("tenants")) ?? {}) as Tenants,
    reservedMegabytes: (await read("reservedMegabytes")) as number | undefined,
    memoryMegabytes: Object.fromEntries(Object.entries(facts).map(([node, known]) => [node, known.memoryMegabytes])),
    facts,
  };
}

/**
 * The site of an experiment that is made by the same program. What its boards are is only known when that has run: whether
 * the models fit into their memory is not checked.
 * @throws UserError where the experiment is not among the site's
 */
export function siteOfProgram(site: SiteOutputs, experiments: readonly string[], experiment: string): ExperimentSite {
  if (!experiments.includes(experiment)) throw notLetIn(site.name, experiment);
  const { name, nodes, modelRegistry, probes, k3sVersion, tenants, reservedMegabytes, facts } = site;
  return {
    ...{ name, nodes: Object.keys(nodes), modelRegistry, probes, k3sVersion, tenants, reservedMegabytes, facts },
    kubeconfig: site.experimentKubeconfigs.apply((all) => all[experiment] ?? ""),
    memoryMegabytes: {},
  };
}

function notLetIn(site: string, experiment: string): UserError {
  return new UserError({
    what: `the site ${site} does not let this experiment in`,
    where: `Pulumi.${experiment}.yaml`,
    next: `name ${experiment} under experiments in Pulumi.${site}.yaml, bring the site up (npm run up -- ${site}), then this again`,
  });
}
