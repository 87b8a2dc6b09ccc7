import type * as pulumi from "@pulumi/pulumi";

/**
 * The stack's root secret in clear: the only place where it leaves its Output. Whatever is derived from it must go into
 * resources and outputs through pulumi.secret.
 */
export function readRootSecret(config: pulumi.Config): Promise<string> {
  return new Promise((resolve) => {
    config.requireSecret("rootSecret").apply(resolve);
  });
}
