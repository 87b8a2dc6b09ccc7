/**
 * What other Pulumi programs import as `bramble`: the components, and what they are given. docs/library.md shows a whole program, and
 * says what stays as it is.
 */

/** Configuration, read as this project reads it from `bramble:site` and `bramble:experiment`. */
export { parseExperiment, parseSite, parseStackConfig, type StackConfig } from "./config/parse.ts";
export type { Experiment as ExperimentConfig } from "./config/experiment.ts";
export type { Site as SiteConfig } from "./config/site.ts";
export { readSiteSecrets, type SiteSecrets } from "./site-secrets.ts";

/** Errors for people: what is wrong, where, and what to do. All others are bugs. */
export { UserError } from "./user-error.ts";
export { InputError } from "../workloads/input-error.ts";

/** A whole site: cards, nodes, K3s, what experiments share, and the models that it serves. */
export { planSite, Site, type SiteArgs, type SiteOutputs } from "./site.ts";

/** An experiment on a site, of another stack or of the same program. */
export { Experiment, planExperiment, type ExperimentArgs, type ExperimentOutputs } from "./experiment.ts";
export { siteOfStack, type ExperimentSite } from "./experiment-site.ts";
export { clusterProvider } from "./cluster-provider.ts";

/** The keys of a site and the way to one of its nodes, which the parts of a node are given. */
export { deriveSiteKeys, type SiteKeys } from "./keys/site-keys.ts";
export { endpointOf } from "./remote/site-endpoint.ts";
export type { Endpoint } from "./remote/endpoint.ts";

/** The parts of a node, in the order in which a site has them. */
export { Card } from "./cards/card.ts";
export { DataDisk } from "./nodes/data-disk.ts";
export { dataDiskPhase } from "./nodes/data-disk-phase.ts";
export { Preparation } from "./nodes/preparation.ts";
export { Reboot } from "./nodes/reboot.ts";
export { Access } from "./nodes/access.ts";

/** K3s on nodes that are prepared. */
export { makeCluster, type Cluster, type ClusterNode } from "./k3s/cluster.ts";

/** Models for clients, on a cluster that is there. */
export { readModelLock } from "./locked-models.ts";
export { Serving } from "./serving.ts";
export { servingPlan, type ServingPlan } from "./serving-plan.ts";
