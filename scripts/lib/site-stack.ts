import { parseStackConfig } from "../../stacks/config/parse.ts";
import type { Site } from "../../stacks/config/site.ts";
import { UserError } from "../../stacks/user-error.ts";
import { requireStack, stackConfiguration } from "./pulumi.ts";

/** A site's configuration, with its secrets in clear. */
export interface SiteStack {
  readonly site: Site;
  readonly rootSecret: string;
  readonly wifiPassword: string | undefined;
}

/** @throws UserError when there is no such stack, or it is no site, or has no root secret */
export async function readSiteStack(stack: string): Promise<SiteStack> {
  await requireStack(stack);
  return parseSiteStack(stack, await stackConfiguration(stack));
}

/** @param values a stack's keys under `bramble:`, secrets in clear */
export function parseSiteStack(stack: string, values: Readonly<Record<string, unknown>>): SiteStack {
  const { rootSecret, wifiPassword, ...keys } = values;
  const config = parseStackConfig(stack, keys);
  const where = `Pulumi.${stack}.yaml`;
  if (config.kind !== "site")
    throw new UserError({
      what: "is an experiment, and this is done to sites",
      where,
      next: `name its site: ${config.experiment.site}`,
    });
  if (typeof rootSecret !== "string")
    throw new UserError({
      what: "has no bramble:rootSecret, which every key of the site is derived from",
      where,
      next: `make one, once: openssl rand -hex 32 | npm run --silent pulumi -- config set --secret bramble:rootSecret --stack ${stack}`,
    });
  return { site: config.site, rootSecret, wifiPassword: typeof wifiPassword === "string" ? wifiPassword : undefined };
}
