import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

/** The way for Pulumi into a site's cluster, as the kubeconfig lets it. */
export function clusterProvider(
  name: string,
  site: { readonly name: string; readonly kubeconfig: pulumi.Output<string> },
  options: pulumi.ResourceOptions = {},
): kubernetes.Provider {
  return new kubernetes.Provider(
    name,
    {
      kubeconfig: site.kubeconfig,
      // Fixed: without one, a kubeconfig that a preview does not know yet looks like another cluster.
      clusterIdentifier: `bramble-${site.name}`,
      // An `up` that was killed after an object was made, and before Pulumi knew of it, can be run again.
      upsertExistingObjects: true,
      enablePatchForce: true,
    },
    options,
  );
}
