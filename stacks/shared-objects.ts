import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { measurementLease } from "../workloads/benchmark/lease.ts";
import { registryStore, renderRegistry } from "../workloads/registry/registry.ts";
import { podFiles } from "../workloads/pod-files.ts";
import { renderProbe } from "../workloads/probe/daemon-set.ts";
import type { SiteRegistry } from "./config/site-models.ts";
import type { Site } from "./config/site.ts";
import { renderExperimentAccess, turnRules } from "./experiment-access.ts";

/**
 * What a site keeps in its cluster for all experiments: the measuring Lease, probe and registry where it has them, and for each
 * experiment a namespace with rights of its own.
 * @returns all that was made
 */
export function makeSharedObjects(
  site: Pick<Site, "experiments" | "probe" | "registry">,
  provider: kubernetes.Provider,
  parent: pulumi.Resource,
): pulumi.Resource[] {
  const namespace = new kubernetes.core.v1.Namespace(
    measurementLease.namespace,
    { metadata: { name: measurementLease.namespace } },
    { parent, provider },
  );
  const options = { parent, provider, dependsOn: namespace };
  // One experiment measures at a time: it holds the Lease, and its spec. Experiments bind to the Role for that.
  const lease = new kubernetes.coordination.v1.Lease(
    measurementLease.name,
    { metadata: measurementLease },
    { ...options, ignoreChanges: ["spec"] },
  );
  const role = new kubernetes.rbac.v1.Role(
    measurementLease.name,
    { metadata: measurementLease, rules: turnRules },
    options,
  );
  const lettingIn = site.experiments.flatMap((experiment) => letIn(experiment, { parent, provider, dependsOn: role }));
  const probe = site.probe === undefined ? [] : probeOn(site.probe.image, options);
  const registry = site.registry === undefined ? [] : registryOf(site.registry, options);
  return [namespace, lease, role, ...probe, ...registry, ...lettingIn];
}

/** One pod on each node that samples it. */
function probeOn(
  image: string,
  options: { parent: pulumi.Resource; provider: kubernetes.Provider; dependsOn: pulumi.Resource },
): pulumi.Resource[] {
  const files = podFiles("probe");
  const { configMap, daemonSet } = renderProbe({ namespace: measurementLease.namespace, image, files });
  const source = new kubernetes.core.v1.ConfigMap("probe", configMap, options);
  return [source, new kubernetes.apps.v1.DaemonSet("probe", daemonSet, { ...options, dependsOn: source })];
}

/** The site's own registry, on one of its nodes. */
function registryOf(
  { node, port, images, writers, upstream }: SiteRegistry,
  options: { parent: pulumi.Resource; provider: kubernetes.Provider; dependsOn: pulumi.Resource },
): pulumi.Resource[] {
  const { configMap, deployment, service } = renderRegistry({
    ...{ namespace: measurementLease.namespace, path: registryStore },
    ...{ node, port, images, writers, upstream: upstream ?? null },
  });
  const config = new kubernetes.core.v1.ConfigMap("registry", configMap, options);
  const server = new kubernetes.apps.v1.Deployment("registry", deployment, { ...options, dependsOn: config });
  return [config, server, new kubernetes.core.v1.Service("registry", service, { ...options, dependsOn: server })];
}

/** An experiment's namespace, and its rights. */
function letIn(
  experiment: string,
  options: { parent: pulumi.Resource; provider: kubernetes.Provider; dependsOn: pulumi.Resource },
): pulumi.Resource[] {
  const access = renderExperimentAccess(experiment);
  const namespace = new kubernetes.core.v1.Namespace(experiment, access.namespace, options);
  const inside = { ...options, dependsOn: namespace };
  const role = new kubernetes.rbac.v1.Role(`${experiment}-experiment`, access.role, inside);
  const binding = new kubernetes.rbac.v1.RoleBinding(`${experiment}-experiment`, access.binding, {
    ...inside,
    dependsOn: role,
  });
  const turns = new kubernetes.rbac.v1.RoleBinding(`${experiment}-turns`, access.turns, options);
  return [namespace, role, binding, turns];
}
