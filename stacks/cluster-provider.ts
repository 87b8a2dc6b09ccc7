import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

/** The way for Pulumi into a site's cluster. @param given.site the site's name */
export function clusterProvider(
  name: string,
  given: { readonly site: pulumi.Input<string>; readonly kubeconfig: pulumi.Output<string> },
  options: pulumi.ResourceOptions = {},
): kubernetes.Provider {
  return new kubernetes.Provider(
    name,
    {
      kubeconfig: given.kubeconfig,
      // Fixed: without one, a kubeconfig that a preview does not know yet looks like another cluster.
      clusterIdentifier: pulumi.interpolate`bramble-${given.site}`,
      // An `up` that was killed after an object was made, and before Pulumi knew of it, can be run again.
      upsertExistingObjects: true,
      enablePatchForce: true,
    },
    options,
  );
}
