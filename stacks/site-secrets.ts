import * as pulumi from "@pulumi/pulumi";

export interface SiteSecrets {
  readonly rootSecret: string;
  readonly wifiPassword: string | undefined;
}

/**
 * A site stack's secrets in clear: the only place where they leave their Outputs. Whatever is derived from them must go into
 * resources and outputs through pulumi.secret.
 */
export function readSiteSecrets(config: pulumi.Config): Promise<SiteSecrets> {
  return new Promise((resolve) => {
    pulumi
      .all([config.requireSecret("rootSecret"), config.getSecret("wifiPassword")])
      .apply(([rootSecret, wifiPassword]) => {
        resolve({ rootSecret, wifiPassword });
      });
  });
}
