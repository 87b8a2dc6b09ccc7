import { nodeOf, type Site } from "./site.ts";

/** Where nodes pull models from, host:port (plain HTTP): the site's own registry, or the one that it names; undefined: neither. */
export function modelRegistryOf(site: Site): string | undefined {
  const { registry, modelRegistry } = site;
  return registry === undefined ? modelRegistry : `${nodeOf(site, registry.node).address}:${registry.port}`;
}

/**
 * The URL of the registry that this machine asks for the site's models, when it locks or bundles them. For a copy that is the original,
 * which is there before the site is.
 */
export function modelSourceOf(site: Site): string | undefined {
  const registry = modelRegistryOf(site);
  return site.registry?.upstream ?? (registry === undefined ? undefined : `http://${registry}`);
}
